#include "slots.hpp"

namespace cambrian {

SlotShape::SlotShape(const Layout& layout, const Repeat& place) : repeat(place) {
    for (std::int32_t i = 0; i < repeat.width; ++i) {
        const Column& column = layout.columns[static_cast<std::size_t>(repeat.first + i)];
        for (std::int32_t s = 1; s < repeat.max; ++s) {
            const auto other = static_cast<std::size_t>(repeat.first + s * repeat.width + i);
            alike = alike && layout.columns[other].options == column.options;
        }
        const bool inner = &layout.repeats[static_cast<std::size_t>(column.repeat)] != &place;
        const std::int32_t reach = column.options - (column.optional ? 1 : 0);
        if (column.kind == GeneKind::kReference && !inner && reach > 0)
            references.push_back({i, reach, column.inputs, column.optional ? 0 : 1});
    }
    for (const Mask& mask : layout.masks) {
        if (&layout.repeats[static_cast<std::size_t>(mask.repeat)] != &place) continue;
        const Column& column = layout.columns[static_cast<std::size_t>(mask.column)];
        const auto bits = std::countr_zero(static_cast<std::uint32_t>(column.options));
        const bool inside = column.repeat == mask.repeat;
        const std::int32_t offset = inside ? mask.column - repeat.first : mask.column;
        if (!inside)
            ends.push_back({offset, bits, column.inputs});
        else if (offset < repeat.width)
            masks.push_back({offset, bits, column.inputs});
    }
}

}  // namespace cambrian
