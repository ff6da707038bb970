// What a program can't run, and graphs whose shapes don't follow from their inputs.
#include <algorithm>
#include <limits>
#include <stdexcept>

#include "cambrian/train/program.hpp"

namespace cambrian::train {
namespace {

constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();

using Inputs = std::vector<Shape>;

bool supported(Op op) {
    return op <= Op::kLast;
}

std::int32_t ceil_div(std::int32_t a, std::int32_t b) {
    return a / b + (a % b != 0);
}

Shape image(std::int32_t channels, std::int32_t height, std::int32_t width) {
    return {3, {channels, height, width, 0}};
}

// Throws where the attribute is not within low … high.
void need(std::int32_t value, const char* name, std::int32_t low, std::int64_t high = kMost) {
    if (value < low || value > high) {
        throw std::invalid_argument(std::string(name) + " must be from " + std::to_string(low) + " to " +
                                    std::to_string(high) + ", got " + std::to_string(value));
    }
}

void need_rank(const Shape& shape, int lowest, int highest) {
    if (shape.rank < lowest || shape.rank > highest) {
        throw std::invalid_argument("takes no input of shape " + shape.text());
    }
}

Shape convolved(const NodeSpec& node, const Shape& in) {
    const auto& a = node.attrs;
    const int rank = node.op == Op::kConv2d ? 3 : 2;
    need_rank(in, rank, rank);
    need(a[kConvChannels], "channels", 1);
    need(a[kConvKernel], "kernel", 1, 1 << 15);
    need(a[kConvStride], "stride", 1);
    need(a[kConvDilation], "dilation", 1, 1 << 15);
    need(a[kConvGroups], "groups", 1);
    const bool fits = in.channels() % a[kConvGroups] == 0 && a[kConvChannels] % a[kConvGroups] == 0;
    if (a[kConvKernel] % 2 == 0 || !fits) throw std::invalid_argument("kernel must be odd, groups divide");
    const std::int64_t area = std::int64_t{a[kConvKernel]} * (rank == 3 ? a[kConvKernel] : 1);
    if (std::int64_t{in.channels()} * area > kMost) throw std::invalid_argument("has too many weights");
    if (rank == 2) return {2, {ceil_div(in.dim[0], a[kConvStride]), a[kConvChannels], 0, 0}};
    return image(a[kConvChannels], ceil_div(in.dim[1], a[kConvStride]), ceil_div(in.dim[2], a[kConvStride]));
}

Shape pooled(const NodeSpec& node, const Shape& in) {
    const std::int32_t kernel = node.attrs[kPoolKernel], stride = node.attrs[kPoolStride];
    need_rank(in, 3, 3);
    need(kernel, "kernel", 1, 1 << 15);
    need(stride, "stride", 1);
    if (kernel % 2 == 0 && kernel != stride) throw std::invalid_argument("an even kernel must be the stride");
    return image(in.dim[0], ceil_div(in.dim[1], stride), ceil_div(in.dim[2], stride));
}

Shape concatenated(const Inputs& in) {
    Shape all = in[0];
    const auto axis = static_cast<std::size_t>(all.channel_axis());
    std::int64_t channels = 0;
    for (Shape shape : in) {
        channels += shape.channels();
        shape.dim[axis] = all.dim[axis];
        if (shape != all) throw std::invalid_argument("takes shapes equal but for the channels");
    }
    if (channels > kMost) throw std::invalid_argument("has too many channels");
    all.dim[axis] = static_cast<std::int32_t>(channels);
    return all;
}

Shape multiplied(const Inputs& in) {
    const Shape factor{1, {in[0].dim[0], 0, 0, 0}};
    if (in[1] != in[0] && !(in[0].image() && in[1] == factor)) {
        throw std::invalid_argument("takes equal shapes, or an image and a factor for each channel");
    }
    return in[0];
}

Shape attended(const NodeSpec& node, const Inputs& in) {
    const std::int32_t heads = node.attrs[kHeads], shared = node.attrs[kKvHeads];
    for (const Shape& shape : in) need_rank(shape, 2, 2);
    need(heads, "heads", 1, in[0].dim[1]);
    need(shared, "kv_heads", 1, heads);
    need(node.attrs[kAttentionPosition], "position", 0, static_cast<std::int32_t>(Attending::kAlibi));
    const std::int32_t width = in[0].dim[1] / heads;
    const bool turned = node.attrs[kAttentionPosition] == static_cast<std::int32_t>(Attending::kRope);
    const bool fits = in[0].dim[1] % heads == 0 && heads % shared == 0 && !(turned && width % 2 != 0);
    if (!fits || in[1] != in[2] || in[1].dim[1] != shared * width) {
        throw std::invalid_argument("has heads that do not fit");
    }
    if (std::int64_t{heads} * in[0].dim[0] * in[1].dim[0] > kMost) {
        throw std::invalid_argument("compares too many tokens");
    }
    return in[0];
}

Shape features(std::int64_t count) {
    if (count > kMost) throw std::invalid_argument("has too many features");
    return {1, {static_cast<std::int32_t>(count), 0, 0, 0}};
}

Shape shape_of(const NodeSpec& node, const Inputs& in) {
    const auto& a = node.attrs;
    Shape same = in[0];
    switch (node.op) {
        case Op::kConv2d:
        case Op::kConv1d:
            return convolved(node, in[0]);
        case Op::kLinear:
            need_rank(in[0], 1, 2);
            need(a[0], "features", 1);
            same.dim[in[0].rank - 1U] = a[0];
            return same;
        case Op::kNorm:
            need(a[0], "kind", 0, static_cast<std::int32_t>(cambrian::Norm::kRms));
            return same;
        case Op::kActivation:
            need(a[0], "kind", 0, static_cast<std::int32_t>(Activation::kHardsigmoid));
            return same;
        case Op::kDropout:
            need(a[0], "p", 0, 999'999);
            return same;
        case Op::kMaxPool:
        case Op::kAvgPool:
            return pooled(node, in[0]);
        case Op::kMean:
            return features(in[0].channels());
        case Op::kFlatten:
            return features(in[0].elements());
        case Op::kAdd:
            for (const Shape& shape : in) {
                if (shape != in[0]) throw std::invalid_argument("takes equal shapes");
            }
            return same;
        case Op::kConcat:
            return concatenated(in);
        case Op::kMultiply:
            return multiplied(in);
        case Op::kResize:
            need_rank(in[0], 3, 3);
            need(a[0], "height", 1);
            need(a[1], "width", 1);
            return image(in[0].dim[0], a[0], a[1]);
        case Op::kTokens:
            need_rank(in[0], 3, 3);
            return {2, {features(std::int64_t{in[0].dim[1]} * in[0].dim[2]).dim[0], in[0].dim[0], 0, 0}};
        case Op::kAttention:
            return attended(node, in);
        case Op::kEmbedding:
            need_rank(in[0], 1, 1);
            need(a[kVocab], "vocab", 1, kMost / std::max(1, a[kEmbeddingFeatures]));
            return {2, {in[0].dim[0], a[kEmbeddingFeatures], 0, 0}};
        case Op::kPosition:
            need_rank(in[0], 2, 2);
            need(a[0], "kind", 0, static_cast<std::int32_t>(cambrian::Position::kSinusoidal));
            return same;
        case Op::kUnembed:
            need_rank(in[0], 1, 2);
            same.dim[in[0].rank - 1U] = a[0];
            return same;
        case Op::kLast:
            need_rank(in[0], 2, 2);
            return features(in[0].dim[1]);
        default:  // a zero may have any shape
            return node.shape;
    }
}

void check_sizes(const NodeSpec& node, std::size_t batch) {
    need_rank(node.shape, 1, 3);
    for (std::size_t i = 0; i < node.shape.rank; ++i) need(node.shape.dim[i], "a side", 1);
    std::int64_t all = static_cast<std::int64_t>(batch);
    for (std::size_t i = 0; i < node.shape.rank; ++i) {
        if (all > kMost / node.shape.dim[i]) throw std::invalid_argument("a batch of it is too large");
        all *= node.shape.dim[i];
    }
}

void check_table(const NodeSpec& node, const NodeSpec& source, const Inputs& in) {
    const bool embeds = source.op == Op::kEmbedding && source.attrs[kVocab] == node.attrs[0];
    if (!embeds || source.shape.channels() != in[0].dim[in[0].rank - 1U]) {
        throw std::invalid_argument("reads no embedding of its vocab and width");
    }
}

void check_node(const std::vector<NodeSpec>& nodes, std::size_t index, std::size_t batch) {
    const NodeSpec& node = nodes[index];
    check_sizes(node, batch);
    if ((index == 0) != (node.op == Op::kInput)) throw std::invalid_argument("node 0 is the input, no other");
    if (index == 0) return;
    if (!supported(node.op)) throw std::invalid_argument("is not made for this mode of training");
    const OpInfo& about = info(node.op);
    const auto count = static_cast<std::int64_t>(node.inputs.size());
    if (count < about.min_inputs || count > about.max_inputs) throw std::invalid_argument("wrong inputs");
    Inputs in;
    for (const std::int32_t i : node.inputs) {
        if (i < 0 || static_cast<std::size_t>(i) >= index) throw std::invalid_argument("wrong inputs");
        in.push_back(nodes[static_cast<std::size_t>(i)].shape);
    }
    if (node.op == Op::kUnembed) check_table(node, nodes[static_cast<std::size_t>(node.inputs[1])], in);
    if (shape_of(node, in) != node.shape) throw std::invalid_argument("has another shape");
    const bool batch_norm = node.op == Op::kNorm && node.attrs[0] == static_cast<int>(cambrian::Norm::kBatch);
    const auto channels = static_cast<std::size_t>(node.shape.channels());
    if (batch_norm && batch * static_cast<std::size_t>(node.shape.elements()) <= channels) {
        throw std::invalid_argument("has one value for each channel");
    }
}

}  // namespace

std::string refuses(const std::vector<NodeSpec>& nodes, std::size_t batch) {
    if (nodes.empty() || nodes.size() > kMaxNodes) return "the graph has no nodes, or too many";
    if (batch < 1 || batch > static_cast<std::size_t>(kMost)) return "batch: must be 1 or more";
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        try {
            if (static_cast<std::size_t>(nodes[i].op) >= operations().size()) return "unknown operation";
            check_node(nodes, i, batch);
        } catch (const std::invalid_argument& error) {
            return "node " + std::to_string(i) + " (" + std::string(info(nodes[i].op).name) + ") " +
                   error.what();
        }
    }
    return "";
}

}  // namespace cambrian::train
