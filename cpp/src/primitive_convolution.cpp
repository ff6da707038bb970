// Convolutions of images and along tokens: padded so that a side becomes ceil(side / stride).
#include <algorithm>

#include "cambrian/graph.hpp"
#include "primitive.hpp"

namespace cambrian {
namespace {

Attrs read_attrs(Op op, std::span<const std::int64_t> args) {
    Attrs asked{
        attr(op, kConvChannels, args[kConvChannels], 1), attr(op, kConvKernel, args[kConvKernel], 1),
        attr(op, kConvStride, args[kConvStride], 1),     attr(op, kConvDilation, args[kConvDilation], 1),
        attr(op, kConvGroups, args[kConvGroups], 1),     attr(op, kConvBias, args[kConvBias], 0, 1)};
    if (asked[kConvKernel] % 2 == 0)
        fail(op, "kernel must be odd, got " + std::to_string(asked[kConvKernel]));
    if (asked[kConvKernel] == 1) asked[kConvDilation] = 1;  // says nothing
    return asked;
}

}  // namespace

Value GraphBuilder::convolution(Op op, Value x, std::span<const std::int64_t> args) {
    const Shape in = shape(x);
    const bool tokens = op == Op::kConv1d;
    if (in.rank != (tokens ? 2 : 3)) {
        fail(op, std::string("takes ") +
                     (tokens ? "tokens (length, features)" : "an image (channels, height, width)") +
                     ", got shape " + in.text());
    }
    const std::int32_t first = tokens ? in.dim[0] : in.dim[1], second = tokens ? first : in.dim[2];
    const std::int32_t shorter = std::min(first, second), longer = std::max(first, second);
    const Attrs asked = read_attrs(op, args);
    Attrs attrs = asked;
    attrs[kConvStride] = std::min(asked[kConvStride], shorter);
    // Taps that never reach the input read padding only.
    if (std::int64_t{asked[kConvDilation]} * (asked[kConvKernel] / 2) >= longer) attrs[kConvDilation] = 1;
    attrs[kConvKernel] =
        std::min(asked[kConvKernel], odd_floor(std::min<std::int64_t>(2LL * longer - 1, kMaxDim)));
    if (attrs[kConvKernel] == 1) attrs[kConvDilation] = 1;
    attrs[kConvGroups] = common_divisor(in.channels(), attrs[kConvChannels], asked[kConvGroups]);
    const std::int32_t side = ceil_div(first, attrs[kConvStride]);
    const Shape out = tokens ? Shape{2, {side, attrs[kConvChannels]}}
                             : Shape{3, {attrs[kConvChannels], side, ceil_div(second, attrs[kConvStride])}};
    check_elements(op, out);
    const Value node = append(op, out, attrs, x);
    repaired(Rule::kStride, node, asked[kConvStride], attrs[kConvStride]);
    repaired(Rule::kDilation, node, asked[kConvDilation], attrs[kConvDilation]);
    repaired(Rule::kKernel, node, asked[kConvKernel], attrs[kConvKernel]);
    repaired(Rule::kGroups, node, asked[kConvGroups], attrs[kConvGroups]);
    return node;
}

}  // namespace cambrian
