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

bool view(const Node& node) {
    return node.op == Op::kFlatten || node.op == Op::kIdentity;
}

}  // namespace

void ResourceCounter::begin_with(const Graph& graph, Value input, bool gradient) {
    if (seen_.size() < graph.nodes.size()) seen_.resize(graph.nodes.size());
    input_ = input;
    costs_ = {};
    kept_ = kept_once_ = 0;
    if (input == kAbsent) return;
    seen(input) = {kBytes * graph.nodes[at(input)].shape.elements(), 0, input, gradient, false, false};
}

void ResourceCounter::keep(Value value) {
    const Value number = seen(value).storage;
    Seen& storage = seen(number);
    if (storage.kept) return;
    storage.kept = true;
    if (number != input_) add(kept_, storage.bytes);
}

ModuleCost ResourceCounter::module_cost(const Node& node, const Shape& in) const {
    const ModuleKey key = module_key(node, in);
    const ModuleCost* known = modules_ == nullptr ? nullptr : modules_->find(key);
    if (known == nullptr && missing_ != nullptr) missing_->add(key);
    return known == nullptr ? ModuleCost{} : *known;
}

void ResourceCounter::count_node(const Graph& graph, const Node& node, Seen& own) {
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
    const Value number = own.storage;
    if (view(node)) own.storage = seen(inputs[0]).storage;
    std::int32_t below = seen(inputs[0]).depth;
    for (const Value input : inputs.subspan(1)) below = std::max(below, seen(input).depth);
    own.depth = below + cost.depth;
    keep_values(cost, inputs, number, own);
}

void ResourceCounter::keep_values(const NodeCost& cost, std::span<const Value> inputs, Value number,
                                  Seen& own) {
    std::int32_t with_gradient = 0;
    if (inputs.size() == 1) {
        own.gradient = cost.params > 0 || seen(inputs[0]).gradient;
        if (!own.gradient) return;
        add(kept_, cost.kept);
        add(kept_once_, cost.kept_once);
        if ((cost.keeps & kKeepsOutput) != 0) keep(number);
        if ((cost.keeps & kKeepsFirst) != 0) keep(inputs[0]);
        return;
    }
    for (const Value input : inputs) with_gradient += seen(input).gradient ? 1 : 0;
    own.gradient = cost.params > 0 || with_gradient > 0;
    if (!own.gradient) return;
    add(kept_, cost.kept);
    add(kept_once_, cost.kept_once);
    if (cost.keeps == kKeepsNothing) return;
    if ((cost.keeps & kKeepsOutput) != 0) keep(number);
    if ((cost.keeps & kKeepsFactors) != 0) {
        for (const Value input : inputs) {
            if (with_gradient - (seen(input).gradient ? 1 : 0) > 0) keep(input);
        }
    }
    for (std::size_t i = 0; i < std::min<std::size_t>(inputs.size(), 3); ++i) {
        if ((cost.keeps >> i & 1) != 0) keep(inputs[i]);
    }
}

void ResourceCounter::count_fragment(const Fragment& fragment, Value input, Value number, Seen& own) {
    add(costs_.params, fragment.costs.params);
    add(costs_.macs, fragment.costs.macs);
    add(costs_.normalisation, fragment.costs.normalisation);
    add(costs_.activation, fragment.costs.activation);
    add(costs_.pooling, fragment.costs.pooling);
    add(costs_.other, fragment.costs.other);
    costs_.kernels += fragment.costs.kernels;
    const Seen& below = seen(input);
    own.depth = below.depth + fragment.costs.depth;
    const Kept& kept = fragment.kept[below.gradient ? 1 : 0];
    own.gradient = kept.gradient;
    add(kept_, kept.bytes);
    add(kept_once_, kept.once);
    if (kept.input) keep(input);
    if (kept.output) keep(number);
}

// Goes back over the nodes, as on the way back a value's last reader comes first.
void ResourceCounter::find_peak(const Graph& graph, std::span<const Value> order) {
    const std::int64_t input_bytes = input_ == kAbsent ? 0 : seen(input_).bytes;
    std::int64_t freed = input_bytes;  // by what comes before, were it read here last
    std::int64_t alive = seen(order.back()).bytes;
    peak_ = peak_last_ = 0;
    for (auto step = order.rbegin(); step != order.rend(); ++step) {
        const Node& node = graph.nodes[at(*step)];
        alive -= seen(*step).bytes;
        std::int64_t rise = seen(*step).bytes;
        bool last = false;
        for (const Value input : graph.inputs_of(node)) {
            Seen& below = seen(input);
            if (below.read) continue;
            below.read = last = true;
            if (input == input_) {
                freed = 0;
            } else {
                add(alive, below.bytes);
            }
        }
        std::int64_t rise_last = rise;
        if (node.composite) {
            const Fragment& fragment = graph.fragment_of(node);
            rise_last = last ? fragment.rise_last : fragment.rise;
            rise = graph.inputs_of(node)[0] == input_ ? fragment.rise : rise_last;
        }
        peak_ = std::max(peak_, checked_add(alive, rise));
        peak_last_ = std::max(peak_last_, checked_add(alive, rise_last) - freed);
    }
}

void ResourceCounter::run(const Graph& graph, std::span<const Value> order) {
    for (const Value number : order) {
        const Node& node = graph.nodes[at(number)];
        Seen& own = seen(number);
        own = {kBytes * node.shape.elements(), 0, number, false, false, false};
        if (node.composite) {
            count_fragment(graph.fragment_of(node), graph.inputs_of(node)[0], number, own);
        } else if (node.n_inputs > 0) {
            count_node(graph, node, own);
        }
    }
    costs_.depth = seen(order.back()).depth;
    find_peak(graph, order);
}

Resources ResourceCounter::count(const Graph& graph, const Canonical& canonical, std::int64_t batch) {
    begin_with(graph, kAbsent, false);
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
    for (const bool gradient : {false, true}) {
        begin_with(graph, input, gradient);
        run(graph, order);
        const Value output = order.back();
        Kept& kept = fragment.kept[gradient ? 1 : 0];
        kept.input = seen(input).kept;
        kept.output = seen(seen(output).storage).kept;
        kept.gradient = seen(output).gradient;
        kept.bytes = kept_ - (kept.output ? seen(output).bytes : 0);
        kept.once = kept_once_;
    }
    fragment.costs = costs_;
    fragment.rise = peak_;
    fragment.rise_last = peak_last_;
}

}  // namespace cambrian
