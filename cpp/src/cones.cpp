#include "cones.hpp"

namespace cambrian {
namespace {

constexpr std::int32_t kMaxCone = 256;  // nodes

std::size_t at(std::int32_t index) {
    return static_cast<std::size_t>(index);
}

}  // namespace

bool Cones::alike(const Graph& graph, Value output, Value dominator, std::span<const Value> number,
                  std::span<const Value> operands) {
    if (uses_.empty()) count_uses(graph, output);
    dominator_ = dominator;
    std::uint64_t first = 0;
    for (std::size_t i = 0; i < operands.size(); ++i) {
        std::int32_t left = kMaxCone;
        const std::uint64_t cone = hash(graph, number, operands[i], left);
        if (left < 0 || (i > 0 && cone != first)) return false;
        first = cone;
    }
    return true;
}

// Of the tree below a node down to numbered nodes; `left` ends negative if it is shared or too large.
std::uint64_t Cones::hash(const Graph& graph, std::span<const Value> number, Value value,
                          std::int32_t& left) {
    if (value == dominator_) return ~std::uint64_t{0};
    if (number[at(value)] != kAbsent)
        return mix(static_cast<std::uint64_t>(number[at(value)]), ~std::uint64_t{0});
    const Node& node = graph.nodes[at(value)];
    if (uses_[at(value)] != 1 || (left -= graph.size_of(node)) < 0) {
        left = -1;
        return 0;
    }
    doubtful_ = doubtful_ || (node.composite && !graph.fragment_of(node).tree);
    const std::uint64_t label = graph.labels[at(value)].low;
    std::uint64_t sum = 0;
    for (const Value input : graph.inputs_of(node)) {
        const std::uint64_t below = hash(graph, number, input, left);
        if (left < 0) return 0;
        sum = node.commutative ? sum + mix(below, label) : mix(sum, below);
    }
    return mix(label, sum);
}

void Cones::count_uses(const Graph& graph, Value output) {
    uses_.assign(graph.nodes.size(), 0);
    uses_[at(output)] = 1;
    for (Value value = output; value >= 0; --value) {
        if (uses_[at(value)] == 0) continue;
        for (const Value input : graph.inputs_of(graph.nodes[at(value)])) ++uses_[at(input)];
    }
}

}  // namespace cambrian
