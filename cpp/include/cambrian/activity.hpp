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

// Whether a repeat takes part, given which columns do: one of fixed length has no length gene, and does if
// anything in its first slot does.
inline bool takes_part(const Repeat& repeat, const std::uint8_t* active) {
    if (repeat.length_column >= 0) return active[repeat.length_column] != 0;
    const std::uint8_t* first = active + repeat.first;
    return std::find(first, first + repeat.width, 1) != first + repeat.width;
}

template <class T>
bool slot_active(const Layout& layout, std::int32_t repeat, std::int32_t slot, const T* normal) {
    while (repeat >= 0) {
        const Repeat& place = layout.repeats[static_cast<std::size_t>(repeat)];
        if (slot >= slots_of(place, normal)) return false;
        slot = place.parent_slot;
        repeat = place.parent;
    }
    return true;
}

// Writes the normal form and one flag a column. `normal` may be `genome` itself; if it is private to the
// caller, nothing another thread writes to `genome` meanwhile can lead outside a table, as values are read
// once and clamped.
template <class T, class U>
void normalise(const Layout& layout, const T* genome, U* normal, std::uint8_t* active) {
    const ActivityPlan& plan = layout.activity;
    // Bytes are written below, and a compiler must expect those to be anything but locals.
    const ActivityPlan::Gate* const gates = plan.gates.data();
    const ActivityPlan::Test* const tests = plan.tests.data();
    const std::uint8_t* const allowed = plan.allowed.data();
    const ActivityPlan::Run* const last = plan.runs.data() + plan.runs.size();
    for (const ActivityPlan::Run* next = plan.runs.data(); next != last;) {
        const ActivityPlan::Run& run = *next++;
        const ActivityPlan::Gate* gate = gates + run.gates.first;
        const ActivityPlan::Gate* const end = gate + run.gates.count;
        if (!slot_active(layout, run.repeat, run.slot, normal)) {
            if (run.columns.count > 0) {
                std::fill_n(active + run.columns.first, run.columns.count, std::uint8_t{0});
                std::fill_n(normal + run.columns.first, run.columns.count, U{0});
                next += run.slots - 1;
                continue;
            }
            for (; gate != end; ++gate) {
                active[gate->column] = 0;
                normal[gate->column] = U{0};
            }
            continue;
        }
        unsigned on = 1;
        for (; gate != end; ++gate) {
            if (!gate->again) {
                on = 1;
                const ActivityPlan::Test* test = tests + gate->tests.first;
                for (std::int32_t i = gate->tests.count; i > 0; --i, ++test) {
                    on &= active[test->column] & allowed[test->first_flag + normal[test->column]];
                }
            }
            const T gene = genome[gate->column];
            const auto value = static_cast<U>(std::min(gene, static_cast<T>(gate->last)));
            active[gate->column] = static_cast<std::uint8_t>(on);
            normal[gate->column] = on != 0 ? value : U{0};
        }
    }
}

}  // namespace cambrian
