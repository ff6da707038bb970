// Every place of the genome at which a procedure runs.
#pragma once

#include <cstdint>
#include <vector>

#include "cambrian/layout.hpp"

namespace cambrian {

struct Run {
    std::int32_t procedure;
    std::int32_t parent;  // lexical: a run before it, or -1
    std::int32_t base;    // column that its offsets count from
    std::int32_t repeat;  // of which it is a slot, or -1

    bool operator==(const Run&) const = default;
};

// Each once, the space's own first; of a repeat only the first slot. None for a plain space.
std::vector<Run> runs(const Layout& layout);

// The run so many frames above another.
std::int32_t climb(const std::vector<Run>& runs, std::int32_t from, std::int64_t up);

// Whether two procedures do the same with what stands at the same offsets.
bool same_procedure(const Layout& layout, std::int32_t first, std::int32_t second);

}  // namespace cambrian
