// When operands with equal keys can be exchanged without changing the graph.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "cambrian/graph.hpp"

namespace cambrian {

class Cones {
  public:
    void forget() { uses_.clear(); }  // the graph, or its output, is another one

    // True if under the operands hang trees of which nothing is read elsewhere, with the same operations on
    // the same numbered nodes. False also if the trees are large.
    bool alike(const Graph& graph, Value output, std::span<const Value> number,
               std::span<const Value> operands);

  private:
    std::uint64_t hash(const Graph& graph, std::span<const Value> number, Value value,
                       std::int32_t& left) const;
    void count_uses(const Graph& graph, Value output);

    std::vector<std::int32_t> uses_;  // by live nodes; empty until a tie asks for it
};

}  // namespace cambrian
