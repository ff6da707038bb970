#include "cambrian/resources.hpp"

#include <algorithm>

#include "overflow.hpp"

namespace cambrian {
namespace {

constexpr std::int64_t kBytes = 4;

std::size_t at(std::int32_t index) {
    return static_cast<std::size_t>(index);
}

void count_weights(const Node& node, const Shape& in, std::int64_t out, Resources& total) {
    const auto& a = node.attrs;
    if (node.op == Op::kConv2d) {
        const std::int64_t taps =
            checked_mul(std::int64_t{a[kConvKernel]} * a[kConvKernel], in.dim[0] / a[kConvGroups]);
        total.params =
            checked_add(total.params, checked_mul(a[kConvChannels], checked_add(taps, a[kConvBias])));
        total.macs = checked_add(total.macs, checked_mul(out, taps));
    } else if (node.op == Op::kLinear) {
        const std::int64_t features = in.channels();
        total.params = checked_add(total.params, checked_mul(a[0], features + a[1]));
        total.macs = checked_add(total.macs, checked_mul(out, features));
    } else if (node.op == Op::kNorm) {
        total.params = checked_add(total.params, 2 * std::int64_t{in.channels()});
    }
}

std::int64_t element_operations(const Node& node, const Shape& in, std::int64_t out) {
    switch (node.op) {
        case Op::kNorm:
        case Op::kActivation:
        case Op::kMultiply:
            return out;
        case Op::kMaxPool:
        case Op::kAvgPool:
            return checked_mul(out, std::int64_t{node.attrs[kPoolKernel]} * node.attrs[kPoolKernel]);
        case Op::kAdd:
            return checked_mul(out, node.n_inputs - 1);
        case Op::kMean:
            return in.elements();
        case Op::kResize:  // every value is read at least once, every value written averages at least one
            return checked_mul(in.dim[0], std::int64_t{std::max(in.dim[1], node.shape.dim[1])} *
                                              std::max(in.dim[2], node.shape.dim[2]));
        default:
            return 0;
    }
}

bool runs(Op op) {
    return op != Op::kInput && op != Op::kFlatten && op != Op::kIdentity;
}

}  // namespace

// Position in the order of the last reader of each live node.
void ResourceCounter::find_last_readers(const Graph& graph, std::span<const Value> order) {
    if (last_.size() < graph.nodes.size()) {
        last_.resize(graph.nodes.size());
        depth_.resize(graph.nodes.size());
    }
    for (std::size_t i = 0; i < order.size(); ++i) {
        last_[at(order[i])] = -1;
        for (const Value input : graph.inputs_of(graph.nodes[at(order[i])])) {
            last_[at(input)] = static_cast<std::int32_t>(i);
        }
    }
}

Resources ResourceCounter::count(const Graph& graph, const Canonical& canonical) {
    const auto order = canonical.nodes();
    find_last_readers(graph, order);
    Resources total;
    std::int64_t alive = 0;
    for (std::size_t i = 0; i < order.size(); ++i) {
        const Node& node = graph.nodes[at(order[i])];
        const auto inputs = graph.inputs_of(node);
        const std::int64_t out = node.shape.elements();
        if (!inputs.empty()) {
            const Shape& in = graph.nodes[at(inputs[0])].shape;
            count_weights(node, in, out, total);
            total.elementwise = checked_add(total.elementwise, element_operations(node, in, out));
            total.kernels += runs(node.op) ? 1 : 0;
        }
        alive = checked_add(alive, kBytes * out);
        total.memory = std::max(total.memory, alive);
        std::int32_t below = 0;
        for (const Value input : inputs) {
            below = std::max(below, depth_[at(input)]);
            if (last_[at(input)] != static_cast<std::int32_t>(i)) continue;
            alive -= kBytes * graph.nodes[at(input)].shape.elements();
            last_[at(input)] = -1;  // an input that is read twice is freed once
        }
        depth_[at(order[i])] = below + (node.op == Op::kConv2d || node.op == Op::kLinear ? 1 : 0);
    }
    total.depth = depth_[at(graph.output)];
    return total;
}

}  // namespace cambrian
