#include "node_cost.hpp"

#include <algorithm>

#include "overflow.hpp"

namespace cambrian {
namespace {

constexpr std::int64_t kFloat = 4;  // bytes
constexpr std::int64_t kIndex = 8;

void convolution(const Node& node, const Shape& in, std::int64_t out, NodeCost& cost) {
    const auto& a = node.attrs;
    const std::int64_t kernel = a[kConvKernel], area = node.op == Op::kConv2d ? kernel * kernel : kernel;
    const std::int64_t taps = checked_mul(area, in.channels() / a[kConvGroups]);
    cost.params = checked_mul(a[kConvChannels], checked_add(taps, a[kConvBias]));
    cost.macs = checked_mul(out, taps);
    cost.keeps = kKeepsFirst;
    cost.depth = 1;
}

// As torch runs it in one kernel, which computes the weights of attention again for the backward pass. The
// multiply-adds are those of both products, causal or not.
void attention(const Node& node, const Shape& keys, std::int64_t out, NodeCost& cost) {
    const std::int64_t heads = node.attrs[kHeads], queries = node.shape.dim[0];
    const std::int64_t weights = checked_mul(checked_mul(heads, queries), keys.dim[0]);
    const auto position = static_cast<Attending>(node.attrs[kAttentionPosition]);
    cost.macs = checked_mul(2, checked_mul(out, keys.dim[0]));
    cost.activation = weights;  // the softmax
    cost.kept = kFloat * heads * queries;
    cost.keeps = kKeepsFirst | kKeepsSecond | kKeepsThird | kKeepsOutput;
    cost.depth = 1;
    if (position == Attending::kRope) {  // queries and keys are kept as they were rotated
        cost.other = checked_add(out, keys.elements());
        cost.kept = checked_add(cost.kept, kFloat * cost.other);
        cost.keeps = kKeepsThird | kKeepsOutput;
    } else if (position == Attending::kAlibi) {
        cost.other = weights;
    }
}

void embedding(const Node& node, const Shape& ids, NodeCost& cost) {
    cost.params = std::int64_t{node.attrs[kVocab]} * node.attrs[kEmbeddingFeatures];
    cost.kept = kIndex * ids.elements();
}

void position(const Node& node, std::int64_t out, NodeCost& cost) {
    cost.other = out;
    if (static_cast<Position>(node.attrs[0]) == Position::kLearned) cost.params = out;
}

void unembed(const Shape& in, std::int64_t out, NodeCost& cost) {
    cost.macs = checked_mul(out, in.channels());
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
    cost.params = 2 * channels;
    cost.normalisation = out;
    cost.keeps = kKeepsFirst;
    switch (static_cast<Norm>(node.attrs[0])) {
        case Norm::kNone:
            break;
        case Norm::kBatch:
            cost.kept_once = 2 * kFloat * channels;  // mean and deviation of the batch
            break;
        case Norm::kLayer:
            cost.kept = 2 * kFloat * (in.rank == 2 ? in.dim[0] : 1);
            break;
        case Norm::kRms:  // the deviation of each position, and what it was divided by
            cost.params = channels;
            cost.kept = kFloat * (out / channels + out);
            break;
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

void slim(const Node& node, const Shape& in, std::int64_t out, NodeCost& cost) {
    const std::int64_t parts = node.attrs[0], channels = in.channels();
    cost.other = out;
    cost.keeps = kKeepsFirst;
    cost.kept = kFloat * (parts + channels);  // softmax, and its share for each channel
    cost.kept_once = kIndex * channels;       // which part each channel belongs to
}

}  // namespace

std::int64_t NodeCost::elementwise() const {
    return checked_add(checked_add(normalisation, activation), checked_add(pooling, other));
}

NodeCost node_cost(const Node& node, const Shape& first, const Shape& second) {
    NodeCost cost;
    const std::int64_t out = node.shape.elements();
    cost.kernels = node.op != Op::kFlatten && node.op != Op::kIdentity ? 1 : 0;
    switch (node.op) {
        case Op::kConv2d:
        case Op::kConv1d:
            convolution(node, first, out, cost);
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
        case Op::kAttention:
            attention(node, second, out, cost);
            break;
        case Op::kEmbedding:
            embedding(node, first, cost);
            break;
        case Op::kPosition:
            position(node, out, cost);
            break;
        case Op::kUnembed:
            unembed(first, out, cost);
            break;
        case Op::kExit:
            cost.other = out;  // the softmax that it decides by
            cost.kept = 1;     // which end each sample takes
            break;
        case Op::kGate:
            cost.other = out;
            cost.keeps = kKeepsFirst | kKeepsSecond;
            cost.kept = 3 * kFloat;  // sigmoid, gate, and what is left of 1
            break;
        case Op::kSlim:
            slim(node, first, out, cost);
            break;
        case Op::kModule:  // the rest is in the table of modules
            cost.keeps = kKeepsFirst;
            break;
        case Op::kInput:
        case Op::kTokens:
        case Op::kLast:
        case Op::kFlatten:
        case Op::kConcat:
        case Op::kZero:
        case Op::kIdentity:
            break;
    }
    return cost;
}

}  // namespace cambrian
