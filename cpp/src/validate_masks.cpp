#include <bit>
#include <stdexcept>
#include <string>

#include "cambrian/wiring.hpp"
#include "validate.hpp"

namespace cambrian {
namespace {

std::size_t at(std::int64_t index) {
    return static_cast<std::size_t>(index);
}

[[noreturn]] void fail(std::int32_t column, const std::string& what) {
    throw std::invalid_argument("layout: column " + std::to_string(column) + ": " + what);
}

void check_mask(const Layout& layout, const Mask& mask) {
    const Column& column = layout.columns[at(mask.column)];
    const Repeat& repeat = layout.repeats[at(mask.repeat)];
    const auto options = static_cast<std::uint32_t>(column.options);
    if (column.kind != GeneKind::kMask || !std::has_single_bit(options) || options < 2)
        fail(mask.column, "a mask is a gene of that kind with 2, 4, 8, … options");
    const bool inside = column.repeat == mask.repeat;
    if (!inside && (column.repeat != repeat.parent || column.slot != repeat.parent_slot))
        fail(mask.column, "a mask stands in a slot of the repeat that it names, or beside that");
    if (inside && mask.loose) fail(mask.column, "only a mask beside its repeat can be loose");
}

// A repeat that limits its edges has one mask in every slot, and one beside.
void check_edges(const Layout& layout, std::size_t number) {
    const Repeat& repeat = layout.repeats[number];
    if (repeat.edges == 0) return;
    const std::string name = "layout: repeat " + std::to_string(number);
    if (repeat.max > kMaxWired || repeat.edges <= repeat.max) {
        throw std::invalid_argument(name + " of " + std::to_string(repeat.max) +
                                    " slots can't limit its edges to " + std::to_string(repeat.edges) +
                                    ": it needs at most " + std::to_string(kMaxWired) +
                                    " slots, and more edges than those");
    }
    std::vector<std::int32_t> masks(at(repeat.max) + 1, 0);
    for (const Mask& mask : layout.masks) {
        if (mask.repeat != static_cast<std::int32_t>(number)) continue;
        const Column& column = layout.columns[at(mask.column)];
        ++masks[column.repeat == mask.repeat ? at(column.slot) : at(repeat.max)];
    }
    for (const std::int32_t count : masks) {
        if (count != 1)
            throw std::invalid_argument(name +
                                        " limits its edges: it needs one mask a slot, and one beside it");
    }
}

}  // namespace

void validate_masks(const Layout& layout) {
    std::vector<std::int32_t> inputs(layout.repeats.size(), 0);
    std::size_t masks = 0;
    for (const Column& column : layout.columns) masks += column.kind == GeneKind::kMask ? 1 : 0;
    for (std::size_t m = 0; m < layout.masks.size(); ++m) {
        const Mask& mask = layout.masks[m];
        if (m > 0 && mask.column <= layout.masks[m - 1].column)
            fail(mask.column, "masks stand by column, each once");
        check_mask(layout, mask);
        const std::int32_t own = layout.columns[at(mask.column)].inputs;
        std::int32_t& known = inputs[at(mask.repeat)];
        if (known != 0 && known != own)
            fail(mask.column, "masks of one repeat give it different numbers of inputs");
        known = own;
    }
    if (masks != layout.masks.size())
        throw std::invalid_argument("layout: there is a gene of kind mask that is no mask");
    for (std::size_t r = 0; r < layout.repeats.size(); ++r) check_edges(layout, r);
}

}  // namespace cambrian
