// Exact search for the canonical order of a graph whose keys leave many choices.
#pragma once

#include <cstddef>
#include <vector>

#include "cambrian/graph.hpp"

namespace cambrian {

// Fills `order` (canonical position → node) and `number` (node → position, or kAbsent); returns how many
// complete orders were compared. Throws std::invalid_argument for a graph so symmetric that the search would
// not end in reasonable time.
std::size_t search_order(const Graph& graph, std::vector<Value>& order, std::vector<Value>& number);

}  // namespace cambrian
