// When operands with equal keys can be exchanged without changing the graph.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "cambrian/graph.hpp"

namespace cambrian {

class Cones {
  public:
    void forget() {  // the graph, or its output, is another one
        uses_.clear();
        doubtful_ = false;
    }

    // True if under the operands of one node hang trees of which nothing is read elsewhere, with the same
    // operations on the same numbered nodes or on the node's dominator. False also if the trees are large.
    bool alike(const Graph& graph, Value output, Value dominator, std::span<const Value> number,
               std::span<const Value> operands);

    // An answer since `forget` hung on a composite node that is no tree, and might be another without it.
    bool doubtful() const { return doubtful_; }

  private:
    std::uint64_t hash(const Graph& graph, std::span<const Value> number, Value value, std::int32_t& left);
    void count_uses(const Graph& graph, Value output);

    std::vector<std::int32_t> uses_;  // by live nodes; empty until a tie asks for it
    Value dominator_ = kAbsent;
    bool doubtful_ = false;
};

}  // namespace cambrian
