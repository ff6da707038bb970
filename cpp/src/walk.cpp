#include "walk.hpp"

#include <algorithm>

namespace cambrian {
namespace {

std::size_t at(std::int32_t index) {
    return static_cast<std::size_t>(index);
}

}  // namespace

bool Walk::run(const Graph& graph, std::span<const Value> inputs, std::span<const std::uint64_t> colours) {
    number.assign(graph.nodes.size(), kAbsent);
    number[0] = 0;  // everything stands on the input
    order.assign(1, 0);
    cones_.forget();
    stack_.clear();
    if (graph.output != 0) stack_.push_back({graph.output, 0});
    while (!stack_.empty()) {
        Value chosen = kAbsent;
        const Step step = advance(graph, inputs, colours, stack_.back(), chosen);
        if (step == Step::kTie) return false;
        if (step == Step::kDescend) {
            stack_.push_back({chosen, 0});
            continue;
        }
        number[at(stack_.back().node)] = static_cast<Value>(order.size());
        order.push_back(stack_.back().node);
        stack_.pop_back();
    }
    return true;
}

// The next operand of a node to descend into: the first that has no number yet.
Walk::Step Walk::advance(const Graph& graph, std::span<const Value> inputs,
                         std::span<const std::uint64_t> colours, Visit& visit, Value& chosen) {
    const Node& node = graph.nodes[at(visit.node)];
    const Value* operands = inputs.data() + node.first_input;
    while (visit.next < node.n_inputs) {
        chosen = operands[visit.next];
        std::int32_t end = visit.next + 1;
        if (node.commutative && end < node.n_inputs && colours[at(operands[end])] == colours[at(chosen)]) {
            tie.clear();
            for (end = visit.next; end < node.n_inputs && colours[at(operands[end])] == colours[at(chosen)];
                 ++end) {
                const Value operand = operands[end];
                if (number[at(operand)] == kAbsent) tie.push_back(operand);
            }
            std::sort(tie.begin(), tie.end());
            tie.erase(std::unique(tie.begin(), tie.end()), tie.end());
            if (tie.size() > 1 && !cones_.alike(graph, graph.output, node.dominator, number, tie))
                return Step::kTie;
            if (!tie.empty()) {
                chosen = tie[0];
                return Step::kDescend;
            }
        } else if (number[at(chosen)] == kAbsent) {
            return Step::kDescend;
        }
        visit.next = end;
    }
    return Step::kDone;
}

}  // namespace cambrian
