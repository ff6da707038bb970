#include <algorithm>

#include "cambrian/canonical.hpp"

namespace cambrian {
namespace {

// A tied operand that hangs from more nodes than this is left to the exact search.
constexpr std::int32_t kMaxCone = 256;

std::size_t at(std::int32_t index) {
    return static_cast<std::size_t>(index);
}

}  // namespace

bool Walk::run(const Graph& graph, std::span<const Value> inputs, std::span<const std::uint64_t> colours) {
    return walk(graph, inputs, [colours](Value node) { return colours[at(node)]; });
}

bool Walk::run(const Graph& graph) {
    const Node* nodes = graph.nodes.data();
    return walk(graph, graph.inputs, [nodes](Value node) { return nodes[node].hash; });
}

template <class Colour>
bool Walk::walk(const Graph& graph, std::span<const Value> inputs, Colour colour) {
    number.assign(graph.nodes.size(), kAbsent);
    number[0] = 0;  // everything stands on the input
    order.assign(1, 0);
    uses_.clear();
    stack_.clear();
    Value node = graph.output;
    while (node != 0) {
        // Down to a node whose inputs all have numbers …
        Visit visit{node, 0};
        Value chosen = kAbsent;
        const Step step = advance(graph, inputs, colour, visit, chosen);
        if (step == Step::kTie) return false;
        if (step == Step::kDescend) {
            stack_.push_back(visit);
            node = chosen;
        } else if (!climb(graph, inputs, colour, node)) {  // … and up to one that has another input to visit.
            return false;
        }
    }
    return true;
}

// Numbers a node and those above that it completes. `node` becomes the next to descend to, or the input at
// the end.
template <class Colour>
bool Walk::climb(const Graph& graph, std::span<const Value> inputs, Colour colour, Value& node) {
    while (true) {
        number[at(node)] = static_cast<Value>(order.size());
        order.push_back(node);
        node = 0;
        if (stack_.empty()) return true;
        Visit& above = stack_.back();
        const bool single = graph.nodes[at(above.node)].n_inputs == 1;
        const Step step = single ? Step::kDone : advance(graph, inputs, colour, above, node);
        if (step != Step::kDone) return step == Step::kDescend;
        node = above.node;
        stack_.pop_back();
    }
}

// The next operand of a node to descend into: the first that has no number yet.
template <class Colour>
Walk::Step Walk::advance(const Graph& graph, std::span<const Value> inputs, Colour colour, Visit& visit,
                         Value& chosen) {
    const Node& node = graph.nodes[at(visit.node)];
    const Value* operands = inputs.data() + node.first_input;
    if (node.n_inputs == 1) {
        chosen = operands[0];
        return number[at(chosen)] == kAbsent ? Step::kDescend : Step::kDone;
    }
    while (visit.next < node.n_inputs) {
        chosen = operands[visit.next];
        std::int32_t end = visit.next + 1;
        if (node.commutative && end < node.n_inputs && colour(operands[end]) == colour(chosen)) {
            tie.clear();
            for (end = visit.next; end < node.n_inputs && colour(operands[end]) == colour(chosen); ++end) {
                const Value operand = operands[end];
                if (number[at(operand)] == kAbsent) tie.push_back(operand);
            }
            std::sort(tie.begin(), tie.end());
            tie.erase(std::unique(tie.begin(), tie.end()), tie.end());
            if (tie.size() > 1 && !exchangeable(graph, chosen)) return Step::kTie;
            if (tie.size() == 1) chosen = tie[0];
            if (!tie.empty()) return Step::kDescend;
        } else if (number[at(chosen)] == kAbsent) {
            return Step::kDescend;
        }
        visit.next = end;
    }
    return Step::kDone;
}

// Tied operands under which nothing is shared differ at most in what their trees stand on, and that has
// numbers: the trees then order them, and those with equal trees can be exchanged without changing the graph.
bool Walk::exchangeable(const Graph& graph, Value& first) {
    if (uses_.empty()) count_uses(graph);
    std::uint64_t least = 0;
    first = kAbsent;
    for (const Value operand : tie) {
        std::int32_t left = kMaxCone;
        const std::uint64_t hash = cone(graph, operand, left);
        if (left < 0) return false;
        if (first == kAbsent || hash < least) {
            first = operand;
            least = hash;
        }
    }
    return true;
}

// Hash of the tree below a node down to numbered nodes; `left` ends negative if it is shared or too large.
std::uint64_t Walk::cone(const Graph& graph, Value value, std::int32_t& left) const {
    if (number[at(value)] != kAbsent)
        return mix(static_cast<std::uint64_t>(number[at(value)]), ~std::uint64_t{0});
    if (uses_[at(value)] != 1 || --left < 0) {
        left = -1;
        return 0;
    }
    const Node& node = graph.nodes[at(value)];
    std::uint64_t hash = own_hash(node);
    if (!node.commutative) {
        for (const Value input : graph.inputs_of(node)) {
            hash = mix(hash, cone(graph, input, left));
            if (left < 0) return 0;
        }
        return hash;
    }
    std::uint64_t sum = 0;
    for (const Value input : graph.inputs_of(node)) {
        sum += mix(cone(graph, input, left), hash);
        if (left < 0) return 0;
    }
    return mix(hash, sum);
}

void Walk::count_uses(const Graph& graph) {
    uses_.assign(graph.nodes.size(), 0);
    uses_[at(graph.output)] = 1;
    for (Value value = graph.output; value >= 0; --value) {
        if (uses_[at(value)] == 0) continue;
        for (const Value input : graph.inputs_of(graph.nodes[at(value)])) ++uses_[at(input)];
    }
}

}  // namespace cambrian
