// Exact search for the canonical order of a graph whose structural hashes leave a choice.
#pragma once

#include <cstddef>

#include "cambrian/canonical.hpp"

namespace cambrian {

// Leaves the canonical order in `walk`; returns how many complete orders were compared. Throws
// std::invalid_argument for a graph so symmetric that the search would not end in reasonable time.
std::size_t search_order(const Graph& graph, Walk& walk);

}  // namespace cambrian
