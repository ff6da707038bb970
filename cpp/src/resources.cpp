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

std::int64_t bytes(const Graph& graph, Value value) {
    return kBytes * graph.nodes[at(value)].shape.elements();
}

bool view(const Node& node) {
    return !node.composite && (node.op == Op::kFlatten || node.op == Op::kIdentity);
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

void ResourceCounter::begin_with(Value input, bool gradient) {
    input_ = input;
    costs_ = {};
    kept_ = kept_once_ = alive_ = peak_ = peak_last_ = freed_ = 0;
    if (input == kAbsent) return;
    seen_[at(input)] = {-1, 0, input, gradient, false};
}

void ResourceCounter::keep(const Graph& graph, Value value) {
    const Value number = seen_[at(value)].storage;
    Seen& storage = seen_[at(number)];
    if (storage.kept) return;
    storage.kept = true;
    if (number != input_) add(kept_, bytes(graph, number));
}

ModuleCost ResourceCounter::module_cost(const Node& node, const Shape& in) const {
    const ModuleKey key = module_key(node, in);
    const ModuleCost* known = modules_ == nullptr ? nullptr : modules_->find(key);
    if (known == nullptr && missing_ != nullptr) missing_->add(key);
    return known == nullptr ? ModuleCost{} : *known;
}

void ResourceCounter::count_node(const Graph& graph, const Node& node, Value number) {
    const auto inputs = graph.inputs_of(node);
    const Shape& first = graph.nodes[at(inputs[0])].shape;
    NodeCost cost = node_cost(node, first, inputs.size() < 2 ? first : graph.nodes[at(inputs[1])].shape);
    if (node.op == Op::kModule) {
        const ModuleCost known = module_cost(node, first);
        cost.params = known.params;
        cost.macs = known.macs;
        cost.depth = known.macs > 0 ? 1 : 0;
    }
    add(costs_.params, cost.params);
    add(costs_.macs, cost.macs);
    add(costs_.normalisation, cost.normalisation);
    add(costs_.activation, cost.activation);
    add(costs_.pooling, cost.pooling);
    add(costs_.other, cost.other);
    costs_.kernels += cost.kernels;
    Seen& seen = seen_[at(number)];
    if (view(node)) seen.storage = seen_[at(inputs[0])].storage;
    for (const Value input : inputs) seen.depth = std::max(seen.depth, seen_[at(input)].depth);
    seen.depth += cost.depth;
    keep_values(cost, graph, node, number);
}

void ResourceCounter::keep_values(const NodeCost& cost, const Graph& graph, const Node& node, Value number) {
    const auto inputs = graph.inputs_of(node);
    std::int32_t with_gradient = 0;
    for (const Value input : inputs) with_gradient += seen_[at(input)].gradient ? 1 : 0;
    Seen& seen = seen_[at(number)];
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

void ResourceCounter::count_fragment(const Graph& graph, const Node& node, Value number) {
    const Fragment& fragment = graph.fragment_of(node);
    add(costs_.params, fragment.costs.params);
    add(costs_.macs, fragment.costs.macs);
    add(costs_.normalisation, fragment.costs.normalisation);
    add(costs_.activation, fragment.costs.activation);
    add(costs_.pooling, fragment.costs.pooling);
    add(costs_.other, fragment.costs.other);
    costs_.kernels += fragment.costs.kernels;
    const Value input = graph.inputs_of(node)[0];
    Seen& seen = seen_[at(number)];
    seen.depth = seen_[at(input)].depth + fragment.costs.depth;
    const Kept& kept = fragment.kept[seen_[at(input)].gradient ? 1 : 0];
    seen.gradient = kept.gradient;
    add(kept_, kept.bytes);
    add(kept_once_, kept.once);
    if (kept.input) keep(graph, input);
    if (kept.output) keep(graph, number);
}

// Steps over a node: its output is there, and what it reads last is gone.
void ResourceCounter::live(const Graph& graph, const Node& node, std::int32_t position) {
    const auto inputs = graph.inputs_of(node);
    const std::int64_t out = kBytes * node.shape.elements();
    std::int64_t rise = out, rise_last = out;
    if (node.composite) {
        const Fragment& fragment = graph.fragment_of(node);
        const bool last = seen_[at(inputs[0])].last_reader == position;
        rise_last = last ? fragment.rise_last : fragment.rise;
        rise = inputs[0] == input_ ? fragment.rise : rise_last;
    }
    peak_ = std::max(peak_, checked_add(alive_, rise));
    peak_last_ = std::max(peak_last_, checked_add(alive_, rise_last) - freed_);
    add(alive_, out);
    for (const Value input : inputs) {
        if (seen_[at(input)].last_reader != position) continue;
        (input == input_ ? freed_ : alive_) += input == input_ ? bytes(graph, input) : -bytes(graph, input);
        seen_[at(input)].last_reader = -1;  // an input that is read twice is freed once
    }
}

void ResourceCounter::run(const Graph& graph, std::span<const Value> order) {
    look_ahead(graph, order);
    for (std::size_t i = 0; i < order.size(); ++i) {
        const Node& node = graph.nodes[at(order[i])];
        if (node.composite) {
            count_fragment(graph, node, order[i]);
        } else if (node.n_inputs > 0) {
            count_node(graph, node, order[i]);
        }
        live(graph, node, static_cast<std::int32_t>(i));
    }
    costs_.depth = seen_[at(order.back())].depth;
}

Resources ResourceCounter::count(const Graph& graph, const Canonical& canonical, std::int64_t batch) {
    begin_with(kAbsent, false);
    run(graph, canonical.nodes());
    Resources total;
    total.params = costs_.params;
    total.macs = costs_.macs;
    total.flops = checked_mul(2, costs_.macs);
    total.elementwise = checked_add(checked_add(costs_.normalisation, costs_.activation),
                                    checked_add(costs_.pooling, costs_.other));
    total.normalisation = costs_.normalisation;
    total.activation = costs_.activation;
    total.pooling = costs_.pooling;
    total.memory = checked_mul(peak_, batch);
    total.train_memory = checked_add(checked_mul(kept_, batch), kept_once_);
    total.kernels = costs_.kernels;
    total.depth = costs_.depth;
    return total;
}

void ResourceCounter::count(const Graph& graph, std::span<const Value> order, Value input,
                            Fragment& fragment) {
    if (seen_.size() < graph.nodes.size()) seen_.resize(graph.nodes.size());
    for (const bool gradient : {false, true}) {
        begin_with(input, gradient);
        run(graph, order);
        const Value output = order.back();
        Kept& kept = fragment.kept[gradient ? 1 : 0];
        kept.input = seen_[at(input)].kept;
        kept.output = seen_[at(seen_[at(output)].storage)].kept;
        kept.gradient = seen_[at(output)].gradient;
        kept.bytes = kept_ - (kept.output ? bytes(graph, output) : 0);
        kept.once = kept_once_;
    }
    fragment.costs = costs_;
    fragment.rise = peak_;
    fragment.rise_last = peak_last_;
}

}  // namespace cambrian
