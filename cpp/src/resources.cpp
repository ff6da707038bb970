#include "cambrian/resources.hpp"

#include <algorithm>

#include "node_cost.hpp"
#include "overflow.hpp"

namespace cambrian {
namespace {

constexpr std::int64_t kBytes = 4;

std::size_t at(std::int32_t index) {
    return static_cast<std::size_t>(index);
}

void add(std::int64_t& total, std::int64_t more) {
    total = checked_add(total, more);
}

}  // namespace

void ResourceCounter::look_ahead(const Graph& graph, std::span<const Value> order) {
    if (seen_.size() < graph.nodes.size()) seen_.resize(graph.nodes.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
        seen_[at(order[i])] = {-1, 0, order[i], false, false};
        for (const Value input : graph.inputs_of(graph.nodes[at(order[i])])) {
            seen_[at(input)].last_reader = static_cast<std::int32_t>(i);
        }
    }
}

void ResourceCounter::keep(const Graph& graph, Value value) {
    Seen& storage = seen_[at(seen_[at(value)].storage)];
    if (storage.kept) return;
    storage.kept = true;
    add(kept_, kBytes * graph.nodes[at(seen_[at(value)].storage)].shape.elements());
}

void ResourceCounter::count_node(const Graph& graph, const Node& node, Value number, Resources& total) {
    const auto inputs = graph.inputs_of(node);
    const Shape& first = graph.nodes[at(inputs[0])].shape;
    const NodeCost cost =
        node_cost(node, first, inputs.size() < 2 ? first : graph.nodes[at(inputs[1])].shape);
    add(total.params, cost.params);
    add(total.macs, cost.macs);
    add(total.elementwise, cost.elementwise());
    add(total.normalisation, cost.normalisation);
    add(total.activation, cost.activation);
    add(total.pooling, cost.pooling);
    total.kernels += cost.kernels;
    Seen& seen = seen_[at(number)];
    if (node.op == Op::kFlatten || node.op == Op::kIdentity) seen.storage = seen_[at(inputs[0])].storage;
    std::int32_t below = 0, with_gradient = 0;
    for (const Value input : inputs) {
        below = std::max(below, seen_[at(input)].depth);
        with_gradient += seen_[at(input)].gradient ? 1 : 0;
    }
    seen.depth = below + cost.depth;
    seen.gradient = cost.params > 0 || with_gradient > 0;
    if (!seen.gradient) return;
    add(kept_, cost.kept);
    add(kept_once_, cost.kept_once);
    if ((cost.keeps & kKeepsOutput) != 0) keep(graph, number);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        const std::int32_t others = with_gradient - (seen_[at(inputs[i])].gradient ? 1 : 0);
        const bool factor = (cost.keeps & kKeepsFactors) != 0 && others > 0;
        if (factor || (i < 3 && (cost.keeps >> i & 1) != 0)) keep(graph, inputs[i]);
    }
}

Resources ResourceCounter::count(const Graph& graph, const Canonical& canonical, std::int64_t batch) {
    const auto order = canonical.nodes();
    look_ahead(graph, order);
    kept_ = kept_once_ = 0;
    Resources total;
    std::int64_t alive = 0, peak = 0;
    for (std::size_t i = 0; i < order.size(); ++i) {
        const Node& node = graph.nodes[at(order[i])];
        const auto inputs = graph.inputs_of(node);
        if (!inputs.empty()) count_node(graph, node, order[i], total);
        add(alive, kBytes * node.shape.elements());
        peak = std::max(peak, alive);
        for (const Value input : inputs) {
            if (seen_[at(input)].last_reader != static_cast<std::int32_t>(i)) continue;
            alive -= kBytes * graph.nodes[at(input)].shape.elements();
            seen_[at(input)].last_reader = -1;  // an input that is read twice is freed once
        }
    }
    total.flops = checked_mul(2, total.macs);
    total.memory = checked_mul(peak, batch);
    total.train_memory = checked_add(checked_mul(kept_, batch), kept_once_);
    total.depth = seen_[at(graph.output)].depth;
    return total;
}

}  // namespace cambrian
