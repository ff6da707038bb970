// Operations that adjust to their input: early exits, gated blocks, a width by sample.
#include <string>

#include "primitive.hpp"

namespace cambrian {
namespace {

constexpr std::int64_t kMillion = 1'000'000;

}  // namespace

Value GraphBuilder::adaptive(Op op, std::span<const Value> inputs, std::span<const std::int64_t> args) {
    switch (op) {
        case Op::kExit:
            return leave(inputs[0], inputs[1], args[0]);
        case Op::kGate:
            return gate(inputs[0], inputs[1], inputs[2]);
        case Op::kSlim:
            return slim(inputs[0], inputs[1], args[0]);
        default:
            fail(op, "is no adaptive operation");
    }
}

Value GraphBuilder::leave(Value early, Value late, std::int64_t threshold) {
    constexpr Op op = Op::kExit;
    const std::int32_t millionths = attr(op, 0, threshold, 0, kMillion - 1);
    if (early == kAbsent || late == kAbsent) return early == kAbsent ? late : early;
    if (shape(early).rank != 1 || shape(early) != shape(late)) {
        fail(op, "takes the logits of an early and a late end, features of equal shape, got " +
                     shape(early).text() + " and " + shape(late).text());
    }
    if (early == late || millionths == 0) return early;  // any confidence reaches 0
    const Value inputs[] = {early, late};
    return append(op, shape(early), {millionths}, inputs);
}

Value GraphBuilder::gate(Value x, Value y, Value logit) {
    constexpr Op op = Op::kGate;
    if (x == kAbsent || y == kAbsent) return x == kAbsent ? y : x;
    if (logit == kAbsent) return y;
    const Shape target = shape(x);
    if (shape(logit) != Shape{1, {1}})
        fail(op, "takes one logit, features of shape (1), got shape " + shape(logit).text());
    if (zero(y) && shape(y).rank == target.rank) {
        y = zeros(target);
    } else {
        y = project(y, target);
    }
    if (x == y) return x;
    const Value inputs[] = {x, y, logit};
    return append(op, target, {}, inputs);
}

Value GraphBuilder::slim(Value y, Value logits, std::int64_t parts) {
    constexpr Op op = Op::kSlim;
    const std::int32_t asked = attr(op, 0, parts, 1);
    if (y == kAbsent || logits == kAbsent) return y;
    if (shape(logits) != Shape{1, {asked}}) {
        fail(op, "takes a logit for each of " + std::to_string(asked) + " parts, got shape " +
                     shape(logits).text());
    }
    if (shape(y).rank == 2) fail(op, "takes an image or features, got shape " + shape(y).text());
    if (asked == 1 || zero(y)) return y;
    const Value inputs[] = {y, logits};
    return append(op, shape(y), {asked}, inputs);
}

}  // namespace cambrian
