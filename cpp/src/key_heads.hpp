// Keys in half their size: what decides nearly every comparison of two of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace cambrian {

// The first half of each key's bits, in an order of unsigned integers that is the order of the keys; NaN
// counts as infinity, -0 as 0. Two keys whose heads are equal may still differ, unless `exact`.
struct KeyHeads {
    std::vector<std::uint32_t> heads;
    bool exact = true;

    KeyHeads(const double* key, std::size_t count);
};

}  // namespace cambrian
