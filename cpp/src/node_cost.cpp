#include "node_cost.hpp"

#include <algorithm>

#include "overflow.hpp"

namespace cambrian {
namespace {

constexpr std::int64_t kFloat = 4;  // bytes
constexpr std::int64_t kIndex = 8;

void conv2d(const Node& node, const Shape& in, std::int64_t out, NodeCost& cost) {
    const auto& a = node.attrs;
    const std::int64_t taps =
        checked_mul(std::int64_t{a[kConvKernel]} * a[kConvKernel], in.dim[0] / a[kConvGroups]);
    cost.params = checked_mul(a[kConvChannels], checked_add(taps, a[kConvBias]));
    cost.macs = checked_mul(out, taps);
    cost.keeps = kKeepsFirst;
    cost.depth = 1;
}

void linear(const Node& node, const Shape& in, std::int64_t out, NodeCost& cost) {
    const std::int64_t features = in.channels();
    cost.params = checked_mul(node.attrs[0], features + node.attrs[1]);
    cost.macs = checked_mul(out, features);
    cost.keeps = kKeepsFirst;
    cost.depth = 1;
}

void norm(const Node& node, const Shape& in, std::int64_t out, NodeCost& cost) {
    const std::int64_t channels = in.channels();
    const std::int64_t places = in.rank == 2 ? in.dim[0] : 1;  // that are normalised on their own
    cost.params = 2 * channels;
    cost.normalisation = out;
    cost.keeps = kKeepsFirst;
    if (static_cast<Norm>(node.attrs[0]) == Norm::kBatch) {
        cost.kept_once = 2 * kFloat * channels;  // mean and deviation of the batch
    } else {
        cost.kept = 2 * kFloat * places;
    }
}

void activation(const Node& node, std::int64_t out, NodeCost& cost) {
    const auto kind = static_cast<Activation>(node.attrs[0]);
    const bool from_output =
        kind == Activation::kRelu || kind == Activation::kTanh || kind == Activation::kSigmoid;
    cost.activation = out;
    cost.keeps = from_output ? kKeepsOutput : kKeepsFirst;
}

void pool(const Node& node, std::int64_t out, NodeCost& cost) {
    const std::int64_t kernel = node.attrs[kPoolKernel];
    cost.pooling = checked_mul(out, kernel * kernel);
    cost.keeps = kKeepsFirst;
    if (node.op == Op::kMaxPool) cost.kept = kIndex * out;  // where the largest stood
}

void resize(const Node& node, const Shape& in, NodeCost& cost) {
    // Every value is read at least once, every value written averages at least one.
    cost.other = checked_mul(in.dim[0], std::int64_t{std::max(in.dim[1], node.shape.dim[1])} *
                                            std::max(in.dim[2], node.shape.dim[2]));
    // To one pixel it is a mean, whose gradient needs no values.
    cost.keeps = node.shape.dim[1] == 1 && node.shape.dim[2] == 1 ? kKeepsNothing : kKeepsFirst;
}

}  // namespace

std::int64_t NodeCost::elementwise() const {
    return checked_add(checked_add(normalisation, activation), checked_add(pooling, other));
}

NodeCost node_cost(const Node& node, const Shape& first, const Shape&) {
    NodeCost cost;
    const std::int64_t out = node.shape.elements();
    cost.kernels = node.op != Op::kFlatten && node.op != Op::kIdentity ? 1 : 0;
    switch (node.op) {
        case Op::kConv2d:
            conv2d(node, first, out, cost);
            break;
        case Op::kLinear:
            linear(node, first, out, cost);
            break;
        case Op::kNorm:
            norm(node, first, out, cost);
            break;
        case Op::kActivation:
            activation(node, out, cost);
            break;
        case Op::kMaxPool:
        case Op::kAvgPool:
            pool(node, out, cost);
            break;
        case Op::kMean:
            cost.other = first.elements();
            break;
        case Op::kResize:
            resize(node, first, cost);
            break;
        case Op::kDropout:
            cost.kept = kFloat * out;  // the mask
            break;
        case Op::kAdd:
            cost.other = checked_mul(out, node.n_inputs - 1);
            break;
        case Op::kMultiply:
            cost.other = out;
            cost.keeps = kKeepsFactors;
            break;
        case Op::kInput:
        case Op::kFlatten:
        case Op::kConcat:
        case Op::kZero:
        case Op::kIdentity:
            break;
    }
    return cost;
}

}  // namespace cambrian
