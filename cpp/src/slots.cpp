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
}

}  // namespace cambrian
