// Depth-first numbering of what the output needs, by the colours that the exact search gives to nodes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "cambrian/graph.hpp"
#include "cones.hpp"

namespace cambrian {

class Walk {
  public:
    // Operands of commutative nodes are visited by colour, which must not depend on how the graph was built;
    // `inputs` are the graph's, sorted by colour where they commute. True if every choice was forced or
    // didn't matter; else `tie` holds the operands between which it does.
    bool run(const Graph& graph, std::span<const Value> inputs, std::span<const std::uint64_t> colours);

    std::vector<Value> order;   // canonical position → node
    std::vector<Value> number;  // node → canonical position, or kAbsent
    std::vector<Value> tie;

  private:
    struct Visit {
        Value node;
        std::int32_t next;  // position in its inputs
    };
    enum class Step { kDone, kDescend, kTie };

    Step advance(const Graph& graph, std::span<const Value> inputs, std::span<const std::uint64_t> colours,
                 Visit& visit, Value& chosen);

    std::vector<Visit> stack_;
    Cones cones_;
};

}  // namespace cambrian
