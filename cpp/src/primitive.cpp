// What each primitive does to shapes, what it falls away to, and how it is repaired.
#include "primitive.hpp"

#include <algorithm>
#include <numeric>
#include <stdexcept>

#include "cambrian/graph.hpp"

namespace cambrian {

[[noreturn]] void fail(Op op, const std::string& why) {
    throw std::invalid_argument(std::string(info(op).name) + ": " + why);
}

[[noreturn]] void fail_attr(Op op, std::size_t index, std::int64_t value, std::int64_t low,
                            std::int64_t high) {
    fail(op, std::string(info(op).attrs[index]) + " must be " + std::to_string(low) + " … " +
                 std::to_string(high) + ", got " + std::to_string(value));
}

std::int32_t largest_divisor(std::int32_t of, std::int32_t limit) {
    if (limit == 1 || (limit <= of && of % limit == 0)) return limit;
    std::int32_t best = 1;
    for (std::int32_t d = 1; d <= of / d; ++d) {
        if (of % d != 0) continue;
        if (d <= limit) best = std::max(best, d);
        if (of / d <= limit) best = std::max(best, of / d);
    }
    return best;
}

namespace {

const Shape& image(Op op, const Shape& shape) {
    if (!shape.image()) fail(op, "takes an image (channels, height, width), got shape " + shape.text());
    return shape;
}

Shape strided(const Shape& in, std::int32_t channels, std::int32_t stride) {
    return {3, {channels, ceil_div(in.dim[1], stride), ceil_div(in.dim[2], stride), 0}};
}

// The smallest stride that takes both sides of an image to the target's, or 0.
std::int32_t stride_to(const Shape& from, const Shape& to) {
    if (from.dim[1] < to.dim[1] || from.dim[2] < to.dim[2]) return 0;
    const std::int32_t stride = std::max(ceil_div(from.dim[1], to.dim[1]), ceil_div(from.dim[2], to.dim[2]));
    const bool fits =
        ceil_div(from.dim[1], stride) == to.dim[1] && ceil_div(from.dim[2], stride) == to.dim[2];
    return fits ? stride : 0;
}

bool keeps_zero(std::int32_t kind) {
    const auto activation = static_cast<Activation>(kind);
    return activation != Activation::kSigmoid && activation != Activation::kHardsigmoid;
}

}  // namespace

Value GraphBuilder::apply(Op op, std::span<const Value> inputs, std::span<const std::int64_t> args) {
    if (inputs.size() == 1) return inputs[0] == kAbsent ? kAbsent : unary(op, inputs[0], args);
    if (op == Op::kExit || op == Op::kGate || op == Op::kSlim) return adaptive(op, inputs, args);
    scratch_.clear();
    for (const Value input : inputs) {
        if (input != kAbsent) scratch_.push_back(input);
    }
    if (scratch_.empty()) return kAbsent;
    if (scratch_.size() == 1) return scratch_[0];
    switch (op) {
        case Op::kAdd:
            return add();
        case Op::kConcat:
            return concat();
        case Op::kMultiply:
            return multiply(scratch_[0], scratch_[1]);
        case Op::kAttention:  // attends to nothing where keys or values are absent
            return scratch_.size() == 3 ? attention(scratch_, args) : scratch_[0];
        case Op::kUnembed:
            return unembed(scratch_[0], scratch_[1], args[0]);
        default:
            fail(op, "takes one input");
    }
}

Value GraphBuilder::unary(Op op, Value x, std::span<const std::int64_t> args) {
    switch (op) {
        case Op::kConv2d:
        case Op::kConv1d:
            return convolution(op, x, args);
        case Op::kLinear:
            return linear(x, args);
        case Op::kNorm:
            return norm(x, args[0]);
        case Op::kActivation:
            return activation(x, args[0]);
        case Op::kMaxPool:
        case Op::kAvgPool:
            return pool(op, x, args[0], args[1]);
        case Op::kMean:
            return mean(x);
        case Op::kFlatten:
            return flatten(x);
        case Op::kDropout:
            return dropout(x, args[0]);
        case Op::kResize:
            return resize(x, args[0], args[1]);
        case Op::kZero:
            return zeros(shape(x));
        case Op::kAdd:
        case Op::kConcat:
        case Op::kMultiply:
        case Op::kIdentity:
        case Op::kAttention:
        case Op::kUnembed:
            return x;
        case Op::kEmbedding:
            return embedding(x, args[0], args[1]);
        case Op::kPosition:
            return position(x, args[0]);
        case Op::kTokens:
            return tokens(x);
        case Op::kLast:
            return last(x);
        case Op::kModule:
            return module(x, args);
        case Op::kInput:
        case Op::kExit:
        case Op::kGate:
        case Op::kSlim:
            break;
    }
    fail(op, "can't be applied");
}

Value GraphBuilder::linear(Value x, std::span<const std::int64_t> args) {
    const Shape& in = shape(x);
    if (in.rank > 2)
        fail(Op::kLinear, "takes features or tokens (apply mean or flatten first), got shape " + in.text());
    Shape out = in;
    out.dim[in.rank - 1U] = attr(Op::kLinear, 0, args[0], 1);
    check_elements(Op::kLinear, out);
    return append(Op::kLinear, out, {out.dim[in.rank - 1U], attr(Op::kLinear, 1, args[1], 0, 1)}, x);
}

Value GraphBuilder::norm(Value x, std::int64_t kind) {
    const std::int32_t chosen = word(Op::kNorm, kind);
    return chosen == 0 ? x : append(Op::kNorm, shape(x), {chosen}, x);
}

Value GraphBuilder::activation(Value x, std::int64_t kind) {
    const std::int32_t chosen = word(Op::kActivation, kind);
    if (chosen == 0 || (zero(x) && keeps_zero(chosen))) return x;
    return append(Op::kActivation, shape(x), {chosen}, x);
}

Value GraphBuilder::pool(Op op, Value x, std::int64_t kernel, std::int64_t stride) {
    const Shape in = image(op, shape(x));
    const std::int32_t side = std::min(in.dim[1], in.dim[2]);
    const std::int32_t asked_kernel = attr(op, kPoolKernel, kernel, 1),
                       asked_stride = attr(op, kPoolStride, stride, 1);
    if (asked_kernel % 2 == 0 && asked_kernel != asked_stride) {
        fail(op, "an even kernel must equal the stride, got kernel " + std::to_string(asked_kernel) +
                     " and stride " + std::to_string(asked_stride));
    }
    Attrs attrs{std::min(asked_kernel, side), std::min(asked_stride, side)};
    if (attrs[kPoolKernel] != attrs[kPoolStride]) attrs[kPoolKernel] = odd_floor(attrs[kPoolKernel]);
    const Shape out = strided(in, in.dim[0], attrs[kPoolStride]);
    if (zero(x)) return zeros(out);
    const bool falls_away = attrs[kPoolKernel] == 1 && attrs[kPoolStride] == 1;
    const Value node = falls_away ? x : append(op, out, attrs, x);
    const Value named = falls_away ? kAbsent : node;
    repaired(Rule::kKernel, named, asked_kernel, attrs[kPoolKernel]);
    repaired(Rule::kStride, named, asked_stride, attrs[kPoolStride]);
    return node;
}

Value GraphBuilder::mean(Value x) {
    const Shape& in = shape(x);
    if (in.rank == 1) return x;
    const Shape out{1, {in.channels()}};
    return zero(x) ? zeros(out) : append(Op::kMean, out, {}, x);
}

Value GraphBuilder::flatten(Value x) {
    const Shape& in = shape(x);
    if (in.rank == 1) return x;
    const std::int64_t features = in.elements();
    if (features > kMaxDim) fail(Op::kFlatten, "shape " + in.text() + " has too many elements");
    const Shape out{1, {static_cast<std::int32_t>(features)}};
    return zero(x) ? zeros(out) : append(Op::kFlatten, out, {}, x);
}

Value GraphBuilder::dropout(Value x, std::int64_t p) {
    const std::int32_t millionths = attr(Op::kDropout, 0, p, 0, 999'999);
    return millionths == 0 || zero(x) ? x : append(Op::kDropout, shape(x), {millionths}, x);
}

Value GraphBuilder::resize(Value x, std::int64_t height, std::int64_t width) {
    const Shape& in = image(Op::kResize, shape(x));
    const Shape out{3, {in.dim[0], attr(Op::kResize, 0, height, 1), attr(Op::kResize, 1, width, 1)}};
    if (out == in) return x;
    check_elements(Op::kResize, out);
    return zero(x) ? zeros(out) : append(Op::kResize, out, {out.dim[1], out.dim[2]}, x);
}

// Brings an operand to the rank of the first: among features, an image or tokens are averaged over positions.
Value GraphBuilder::fit_rank(Op op, Value x, const Shape& target) {
    const Shape in = shape(x);
    if (in.rank == target.rank) return x;
    if (in.rank == 1 || target.rank != 1) {
        fail(op, "can't join shape " + in.text() + " to a first input of shape " + target.text());
    }
    const Value node = mean(x);
    if (zero(node)) return node;
    repaired(Rule::kMean, node, in.dim[1], 1);
    return node;
}

Value GraphBuilder::fit_sides(Value x, const Shape& target) {
    const Shape in = shape(x);
    if (!in.image() || (in.dim[1] == target.dim[1] && in.dim[2] == target.dim[2])) return x;
    const std::int32_t stride = stride_to(in, target);
    const Shape out{3, {in.dim[0], target.dim[1], target.dim[2]}};
    if (zero(x)) return zeros(out);
    check_elements(Op::kResize, out);
    const Value node = stride > 0 ? append(Op::kAvgPool, out, {stride, stride}, x)
                                  : append(Op::kResize, out, {target.dim[1], target.dim[2]}, x);
    repaired(stride > 0 ? Rule::kPool : Rule::kResize, node, in.dim[1], target.dim[1]);
    return node;
}

// Gives an operand of a sum the shape of the first one.
Value GraphBuilder::project(Value x, const Shape& target) {
    x = fit_rank(Op::kAdd, x, target);
    const Shape in = shape(x);
    if (in == target) return x;
    if (in.channels() == target.channels() && in.image()) return fit_sides(x, target);
    Value node = kAbsent;
    if (in.image()) {
        const std::int32_t stride = stride_to(in, target);
        const Attrs attrs{target.dim[0], 1, std::max(stride, 1), 1, 1, 0};
        node = append(Op::kConv2d, target, attrs, stride > 0 ? x : fit_sides(x, target));
    } else if (in.rank == 1 || in.dim[0] == target.dim[0]) {
        return fit_width(x, target.channels());
    } else if (const std::int32_t stride = ceil_div(in.dim[0], target.dim[0]);
               in.dim[0] > target.dim[0] && ceil_div(in.dim[0], stride) == target.dim[0]) {
        node = append(Op::kConv1d, target, {target.dim[1], 1, stride, 1, 1, 0}, x);
    } else {
        fail(Op::kAdd, "can't add shape " + in.text() + " to a first input of shape " + target.text());
    }
    repaired(Rule::kProject, node, in.channels(), target.channels());
    return node;
}

Value GraphBuilder::add() {
    const Shape target = shape(scratch_[0]);
    std::size_t kept = 0;
    for (const Value input : scratch_) {
        if (zero(input)) {
            if (shape(input).rank != target.rank) fit_rank(Op::kAdd, input, target);  // still refused
            continue;
        }
        scratch_[kept++] = project(input, target);
    }
    if (kept == 0) return zeros(target);
    if (kept == 1) return scratch_[0];
    return append(Op::kAdd, target, {}, std::span<const Value>(scratch_.data(), kept));
}

Value GraphBuilder::concat() {
    const Shape target = shape(scratch_[0]);
    const auto axis = static_cast<std::size_t>(target.channel_axis());
    std::int64_t channels = 0;
    bool zeros_only = true;
    for (Value& input : scratch_) {
        input = fit_sides(fit_rank(Op::kConcat, input, target), target);
        if (target.rank == 2 && shape(input).dim[0] != target.dim[0]) {
            fail(Op::kConcat,
                 "can't join shape " + shape(input).text() + " to a first input of shape " + target.text());
        }
        channels += shape(input).channels();
        zeros_only = zeros_only && zero(input);
    }
    if (channels > kMaxDim) fail(Op::kConcat, "too many channels: " + std::to_string(channels));
    Shape out = target;
    out.dim[axis] = static_cast<std::int32_t>(channels);
    check_elements(Op::kConcat, out);
    return zeros_only ? zeros(out) : append(Op::kConcat, out, {}, scratch_);
}

Value GraphBuilder::multiply(Value first, Value second) {
    const Shape& a = shape(first);
    const Shape& b = shape(second);
    if (a != b && !(a.image() && b.rank == 1 && b.dim[0] == a.dim[0])) {
        fail(Op::kMultiply, "takes equal shapes, or an image and one factor a channel, got " + a.text() +
                                " and " + b.text());
    }
    if (zero(first) || zero(second)) return zeros(a);
    const Value inputs[] = {first, second};
    return append(Op::kMultiply, a, {}, inputs);
}

}  // namespace cambrian
