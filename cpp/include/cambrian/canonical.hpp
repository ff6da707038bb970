// The canonical form of a graph: an order of its live nodes that depends on the graph alone, and its digest.
//
// Nodes are numbered as a depth-first walk from the output leaves them; operands of commutative nodes are
// visited by their key relative to the node's dominator. Everything between two nodes that dominate the
// output, one link of their chain, is numbered for itself. Where operands tie and are not plainly
// exchangeable, every way to visit the link is tried and the one with the least digest taken; if there are
// many, exact search decides (individualisation and refinement with automorphism pruning: McKay 1981; McKay
// & Piperno 2014), never the order in which the graph was built.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "cambrian/graph.hpp"
#include "cambrian/layout.hpp"
#include "cambrian/mix.hpp"

namespace cambrian {

// Changes whenever the same graph would get another digest.
inline constexpr std::uint64_t kHashVersion = 2;

// What one place of an operand adds to the digest: which place of the node it is (0 if they are all alike),
// and how many numbers before the node it stands.
inline Lanes edge_hash(std::uint32_t place, std::int32_t distance) {
    const std::uint64_t edge = std::uint64_t{place} << 32 | static_cast<std::uint32_t>(distance);
    return {reduced(mix(edge, 1)), reduced(mix(edge, 2))};
}

class Cones;

// Workspace of one thread. Results hold until the next call of `order`.
class Canonical {
  public:
    Canonical();
    ~Canonical();

    // Puts the live nodes in canonical order: the input first, the output last, each node after its inputs.
    void order(const Graph& graph);

    std::span<const Value> nodes() const { return order_; }
    std::span<const Value> positions() const { return number_; }
    Digest::Value digest(const Graph& graph);

    // How many complete orders the search compared in the link where it compared most; 0 if none was needed.
    std::size_t leaves() const { return leaves_; }

  private:
    struct Visit {
        Value node;
        std::int32_t next;  // position in its inputs
    };
    struct Choice {
        std::int32_t taken, count;
    };

    bool link(const Graph& graph, Value top);
    bool search_link(const Graph& graph, Value top, std::size_t begin);
    void walk(const Graph& graph, Value top);
    Value next_operand(const Graph& graph, Visit& visit);
    Value choose(const Graph& graph, std::span<const Value> operands);
    bool next_choices();
    void rewind(std::size_t begin);
    void number(Value node) {
        number_[static_cast<std::size_t>(node)] = static_cast<Value>(order_.size());
        order_.push_back(node);
    }
    Lanes sum(const Graph& graph, std::size_t begin);

    std::vector<Value> order_;   // canonical position → node
    std::vector<Value> number_;  // node → canonical position, or kAbsent
    std::vector<Value> chain_;   // dominators of the output
    std::vector<Visit> stack_;
    std::vector<Value> tie_;
    std::vector<Choice> choices_;  // at each tie of the link, in the order of the walk
    std::size_t choice_ = 0;
    std::vector<Value> best_;
    std::size_t leaves_ = 0;
    Powers powers_;
    std::unique_ptr<Cones> cones_;
};

// The digest extended by the active training genes, and the digest of a plain genome.
Digest::Value with_recipe(const Digest::Value& graph, std::span<const std::int32_t> recipe_columns,
                          std::span<const std::uint16_t> normal, std::span<const std::uint8_t> active);
Digest::Value plain_digest(std::span<const std::uint16_t> normal, std::span<const std::uint8_t> active);

}  // namespace cambrian
