// The canonical form of a graph: an order of its live nodes that depends on the graph alone, and its digest.
//
// Operands of commutative nodes are visited by their structural hash, and nodes are numbered as a depth-first
// walk from the output leaves them. Where different operands tie and are not plainly exchangeable, exact
// search decides (individualisation and refinement with automorphism pruning: McKay 1981; McKay & Piperno
// 2014), never the order in which the graph was built.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "cambrian/graph.hpp"
#include "cambrian/layout.hpp"
#include "cambrian/mix.hpp"

namespace cambrian {

// Changes whenever the same graph would get another digest.
inline constexpr std::uint64_t kHashVersion = 1;

// Depth-first numbering of what the output needs; operands of commutative nodes are visited by `colour`,
// which must not depend on how the graph was built. `inputs` are the graph's, sorted by colour where they
// commute.
class Walk {
  public:
    // True if every choice was forced or didn't matter; else `tie` holds the operands between which it does.
    bool run(const Graph& graph, std::span<const Value> inputs, std::span<const std::uint64_t> colours);
    bool run(const Graph& graph);  // coloured by structural hash

    std::vector<Value> order;   // canonical position → node
    std::vector<Value> number;  // node → canonical position, or kAbsent
    std::vector<Value> tie;

  private:
    struct Visit {
        Value node;
        std::int32_t next;  // position in its inputs
    };
    enum class Step { kDone, kDescend, kTie };

    template <class Colour>
    bool walk(const Graph& graph, std::span<const Value> inputs, Colour colour);
    template <class Colour>
    bool climb(const Graph& graph, std::span<const Value> inputs, Colour colour, Value& node);
    template <class Colour>
    Step advance(const Graph& graph, std::span<const Value> inputs, Colour colour, Visit& visit,
                 Value& chosen);
    bool exchangeable(const Graph& graph, Value& first);
    std::uint64_t cone(const Graph& graph, Value node, std::int32_t& left) const;
    void count_uses(const Graph& graph);

    std::vector<Visit> stack_;
    std::vector<std::int32_t> uses_;  // by live nodes; empty until a tie asks for it
};

// Workspace of one thread. Results hold until the next call of `order`.
class Canonical {
  public:
    // Puts the live nodes in canonical order: the input first, the output last, each node after its inputs.
    void order(const Graph& graph);

    std::span<const Value> nodes() const { return walk_.order; }
    std::span<const Value> positions() const { return walk_.number; }
    // The inputs of a node as canonical positions, sorted where their order means nothing. Until the next
    // call.
    std::span<const Value> inputs(const Graph& graph, const Node& node);
    Digest::Value digest(const Graph& graph);

    // How many complete orders the last search compared; 0 if none was needed.
    std::size_t leaves() const { return leaves_; }

  private:
    Walk walk_;
    std::vector<Value> sorted_;
    std::vector<std::uint64_t> words_;
    std::size_t leaves_ = 0;
};

// The digest extended by the active training genes, and the digest of a plain genome.
Digest::Value with_recipe(const Digest::Value& graph, std::span<const std::int32_t> recipe_columns,
                          std::span<const std::uint16_t> normal, std::span<const std::uint8_t> active);
Digest::Value plain_digest(std::span<const std::uint16_t> normal, std::span<const std::uint8_t> active);

}  // namespace cambrian
