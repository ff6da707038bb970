// Primitives on tokens (T, D): series, text, the patches of an image.
#include <algorithm>

#include "cambrian/graph.hpp"
#include "primitive.hpp"

namespace cambrian {
namespace {

const Shape& sequence(Op op, const Shape& shape) {
    if (shape.rank != 2) fail(op, "takes tokens (length, features), got shape " + shape.text());
    return shape;
}

}  // namespace

// Brings features, or those of tokens, to a width.
Value GraphBuilder::fit_width(Value x, std::int32_t width) {
    const Shape in = shape(x);
    if (in.channels() == width) return x;
    Shape out = in;
    out.dim[in.rank - 1U] = width;
    if (zero(x)) return zeros(out);
    check_elements(Op::kLinear, out);
    const Value node = append(Op::kLinear, out, {width, 0}, x);
    repaired(Rule::kProject, node, in.channels(), width);
    return node;
}

// Queries decide the width of a head; keys and values are projected to as many of these as they have heads.
Value GraphBuilder::attention(std::span<const Value> inputs, std::span<const std::int64_t> args) {
    constexpr Op op = Op::kAttention;
    const Shape q = sequence(op, shape(inputs[0]));
    if (sequence(op, shape(inputs[1])).dim[0] != sequence(op, shape(inputs[2])).dim[0]) {
        fail(op, "keys and values must be equally many, got shapes " + shape(inputs[1]).text() + " and " +
                     shape(inputs[2]).text());
    }
    const std::int32_t asked_heads = attr(op, kHeads, args[kHeads], 1);
    const std::int32_t heads = largest_divisor(q.dim[1], asked_heads);
    const std::int32_t asked_kv = attr(op, kKvHeads, args[kKvHeads], 0);
    const std::int32_t kv_heads = asked_kv == 0 ? heads : largest_divisor(heads, asked_kv);
    const std::int32_t causal = attr(op, kCausal, args[kCausal], 0, 1);
    const std::int32_t asked_position = word(op, args[kAttentionPosition]);
    const std::int32_t width = q.dim[1] / heads;
    const bool rotates = static_cast<Attending>(asked_position) == Attending::kRope;
    const std::int32_t position = rotates && width % 2 != 0 ? 0 : asked_position;
    const Value k = fit_width(inputs[1], kv_heads * width), v = fit_width(inputs[2], kv_heads * width);
    if (zero(v)) return zeros(q);
    const Value read[] = {inputs[0], k, v};
    const Value node = append(op, q, {heads, kv_heads, causal, position}, read);
    repaired(Rule::kHeads, node, asked_heads, heads);
    if (asked_kv != 0) repaired(Rule::kKvHeads, node, asked_kv, kv_heads);
    repaired(Rule::kPosition, node, asked_position, position);
    return node;
}

Value GraphBuilder::embedding(Value ids, std::int64_t vocab, std::int64_t features) {
    constexpr Op op = Op::kEmbedding;
    const Shape in = shape(ids);
    if (ids != kInput || in.rank != 1) {
        fail(op, "takes ids: an input of the network of shape (length), got shape " + in.text() +
                     (ids == kInput ? "" : " of another value"));
    }
    const Attrs attrs{attr(op, kVocab, vocab, 1), attr(op, kEmbeddingFeatures, features, 1)};
    const Shape out{2, {in.dim[0], attrs[kEmbeddingFeatures]}};
    check_elements(op, out);
    return append(op, out, attrs, ids);
}

Value GraphBuilder::position(Value x, std::int64_t kind) {
    constexpr Op op = Op::kPosition;
    const Shape in = sequence(op, shape(x));
    const std::int32_t chosen = word(op, kind);
    return static_cast<Position>(chosen) == Position::kNone ? x : append(op, in, {chosen}, x);
}

Value GraphBuilder::tokens(Value x) {
    constexpr Op op = Op::kTokens;
    const Shape in = shape(x);
    if (in.rank == 2) return x;
    if (!in.image()) fail(op, "takes an image (channels, height, width), got shape " + in.text());
    const std::int64_t places = std::int64_t{in.dim[1]} * in.dim[2];
    if (places > kMaxDim) fail(op, "shape " + in.text() + " has too many positions");
    const Shape out{2, {static_cast<std::int32_t>(places), in.dim[0]}};
    return zero(x) ? zeros(out) : append(op, out, {}, x);
}

// How near each token is to each row of an embedding's table: output weights tied to those of the input.
Value GraphBuilder::unembed(Value x, Value embedded, std::int64_t vocab) {
    constexpr Op op = Op::kUnembed;
    const Node& source = graph_.nodes[static_cast<std::size_t>(embedded)];
    if (source.op != Op::kEmbedding) {
        fail(op, "the second value must be what an embedding made, got that of " +
                     std::string(info(source.op).name));
    }
    const std::int32_t words = source.attrs[kVocab], features = source.attrs[kEmbeddingFeatures];
    if (attr(op, 0, vocab, 0) != 0 && vocab != words) {
        fail(op, "vocab must be that of the embedding, " + std::to_string(words) + ", or 0; got " +
                     std::to_string(vocab));
    }
    const Shape in = shape(x);
    if (in.image()) fail(op, "takes features or tokens, got shape " + in.text());
    x = fit_width(x, features);
    Shape out = in;
    out.dim[in.rank - 1U] = words;
    check_elements(op, out);
    if (zero(x)) return zeros(out);
    const Value read[] = {x, embedded};
    return append(op, out, {words}, read);
}

Value GraphBuilder::last(Value x) {
    const Shape& in = shape(x);
    if (in.rank == 1) return x;
    const Shape out{1, {sequence(Op::kLast, in).dim[1]}};
    return zero(x) ? zeros(out) : append(Op::kLast, out, {}, x);
}

}  // namespace cambrian
