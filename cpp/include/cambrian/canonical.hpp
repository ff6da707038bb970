// The canonical form of a graph: an order of its live nodes that depends on the graph alone, and its digest.
//
// Nodes are numbered as a depth-first walk from the output leaves them; operands of commutative nodes are
// visited by their key relative to the node's dominator. Everything between two nodes that dominate the
// output, one link of their chain, is numbered for itself. Where operands tie and are not plainly
// exchangeable, every way to visit the link is tried and the one with the least digest taken; if there are
// many, exact search decides (individualisation and refinement with automorphism pruning: McKay 1981; McKay
// & Piperno 2014), never the order in which the graph was built.
#pragma once

#include <array>
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
    // False if that can't be told from the fragments of composite nodes: expand the network without any.
    bool order(const Graph& graph);

    // The same for what lies between two nodes, of which the first dominates the second, but without the
    // first. Adds it up but for what it costs. False if it makes no fragment.
    bool order(const Graph& graph, Value input, Value output, Fragment& fragment);

    std::span<const Value> nodes() const { return order_; }
    // Positions in the network without composite nodes, where such a node stands for its output.
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

    void climb(const Graph& graph, Value from, Value to);
    bool link(const Graph& graph, Value top);
    bool search_link(const Graph& graph, Value top, std::size_t begin);
    void walk(const Graph& graph, Value top);
    Value next_operand(const Graph& graph, Visit& visit);
    Value choose(const Graph& graph, const Node& node, std::span<const Value> operands);
    bool next_choices();
    void rewind(const Graph& graph, std::size_t begin);
    void number(const Graph& graph, Value node) {
        next_ += graph.size_of(graph.nodes[static_cast<std::size_t>(node)]);
        number_[static_cast<std::size_t>(node)] = next_ - 1;
        order_.push_back(node);
    }
    Lanes sum(const Graph& graph, std::size_t begin, Value input = kAbsent);
    Lanes edge(std::int32_t node, std::uint32_t place, std::int32_t input) const;

    std::vector<Value> order_;
    std::vector<Value> number_;          // node → canonical position, or kAbsent
    Value next_ = 0;                     // position
    std::vector<Value> chain_;           // dominators of the output
    std::vector<Fragment::Edge> edges_;  // places that the input of a fragment fills
    Value output_ = 0;
    std::array<Lanes, 256> near_;  // edge_hash(0, distance)
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
