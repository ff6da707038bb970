// Which columns of a genome take part, and its normal form: the same genome with the others set to 0.
#pragma once

#include <algorithm>

#include "cambrian/layout.hpp"

namespace cambrian {

// Number of slots the normal form switches on in a repeat, given that the repeat itself takes part.
template <class T>
std::int32_t slots_of(const Repeat& repeat, const T* normal) {
    return repeat.min +
           (repeat.length_column < 0 ? 0 : static_cast<std::int32_t>(normal[repeat.length_column]));
}

// Writes the normal form and one flag a column. `normal` may be `genome` itself; if it is private to the
// caller, nothing another thread writes to `genome` meanwhile can lead outside a table, as values are read
// once and clamped.
template <class T, class U>
void normalise(const Layout& layout, const T* genome, U* normal, std::uint8_t* active) {
    for (const std::int32_t c : layout.order) {
        const Column& column = layout.columns[static_cast<std::size_t>(c)];
        bool on = true;
        std::int32_t slot = column.slot;
        for (std::int32_t r = column.repeat; on && r >= 0;) {
            const Repeat& repeat = layout.repeats[static_cast<std::size_t>(r)];
            on = slot < slots_of(repeat, normal);
            slot = repeat.parent_slot;
            r = repeat.parent;
        }
        for (const auto& condition : column.conditions) {
            on = on && active[condition.column] &&
                 condition.allowed[static_cast<std::size_t>(normal[condition.column])];
        }
        active[c] = on;
        normal[c] = on ? static_cast<U>(std::min(genome[c], static_cast<T>(column.options - 1))) : U{0};
    }
}

}  // namespace cambrian
