// Which parents are the best so many, without sorting all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "selectors.hpp"

namespace cambrian {

// Costs as numbers that order as they do.
std::vector<std::uint64_t> ordered(const Pool& pool);

// What stands at a place of the sorted order, and how many are better than it or equal to it.
struct Place {
    std::uint64_t bits;
    std::size_t better, equal;
};
Place place_of(const std::vector<std::uint64_t>& bits, std::size_t place);

// The parents that are better, and those that are equal, rising.
void split(const std::vector<std::uint64_t>& bits, const Place& place, std::vector<std::uint32_t>& better,
           std::vector<std::uint32_t>& equal);

}  // namespace cambrian
