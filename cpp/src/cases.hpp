// Errors of parents on many cases, as small whole numbers that order as they do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "selectors.hpp"

namespace cambrian {

// Parents that have the same error on each case are one class. Those that failed are left out, unless all
// did.
struct Cases {
    Cases(const Lexicase& selection, const Pool& pool);

    std::size_t classes() const { return begins.size() - 1; }

    std::size_t count;                                // cases
    std::vector<std::uint32_t> levels;                // of class k on case c: levels[c * classes() + k]
    std::vector<std::vector<std::uint32_t>> highest;  // of case c, as good as level l: highest[c][l]
    std::vector<std::uint32_t> parents;               // by class, rising
    std::vector<std::uint32_t> begins;  // class k has parents[begins[k]] … parents[begins[k + 1] - 1]
};

}  // namespace cambrian
