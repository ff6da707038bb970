// The primitive operations: the one table that names them, their attributes and what may be done to them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace cambrian {

inline constexpr std::size_t kMaxAttrs = 6;
inline constexpr std::size_t kMaxArgs = kMaxAttrs + 4;  // a module's rank and sides come after its attributes

enum class Op : std::uint8_t {
    kInput = 0,
    kConv2d,
    kLinear,
    kNorm,
    kActivation,
    kMaxPool,
    kAvgPool,
    kMean,
    kFlatten,
    kDropout,
    kAdd,
    kConcat,
    kMultiply,
    kResize,
    kZero,
    kIdentity,
    kConv1d,
    kAttention,
    kEmbedding,
    kPosition,
    kTokens,
    kUnembed,
    kLast,
    kExit,    // of the logits of an early and a late end, a sample at a time
    kGate,    // of x, a block's output and a logit: the block runs where the logit is positive
    kSlim,    // of a value and a logit for each of its parts: the first channels only
    kModule,  // a user's; its shape is computed by its template
};

enum class Norm : std::int32_t { kNone = 0, kBatch, kLayer, kRms };

enum class Position : std::int32_t { kNone = 0, kLearned, kSinusoidal };
enum class Attending : std::int32_t { kNone = 0, kRope, kAlibi };  // positions inside attention

enum class Activation : std::int32_t {
    kNone = 0,
    kRelu,
    kLeakyRelu,
    kElu,
    kGelu,
    kSilu,
    kHardswish,
    kMish,
    kTanh,
    kSigmoid,
    kHardsigmoid,
};

// Attribute positions of conv2d and conv1d; pools share the first two under their own names.
enum ConvAttr : std::size_t {
    kConvChannels,
    kConvKernel,
    kConvStride,
    kConvDilation,
    kConvGroups,
    kConvBias
};
enum PoolAttr : std::size_t { kPoolKernel, kPoolStride };
enum AttentionAttr : std::size_t { kHeads, kKvHeads, kCausal, kAttentionPosition };
enum EmbeddingAttr : std::size_t { kVocab, kEmbeddingFeatures };

struct OpInfo {
    std::string_view name;
    std::int32_t min_inputs;
    std::int32_t max_inputs;
    std::span<const std::string_view> attrs;
    std::span<const std::string_view> kinds;  // words of attribute `kind`, where it has some
    std::size_t kind = 0;
};

std::span<const OpInfo> operations();

// Without parameters of its own or randomness: two of them on the same inputs are one.
constexpr bool shareable(Op op, std::int32_t first_attr) {
    switch (op) {
        case Op::kInput:
        case Op::kConv2d:
        case Op::kConv1d:
        case Op::kLinear:
        case Op::kNorm:
        case Op::kDropout:
        case Op::kEmbedding:
        case Op::kExit:
        case Op::kModule:
            return false;
        case Op::kPosition:
            return static_cast<Position>(first_attr) != Position::kLearned;
        default:
            return true;
    }
}
// Depends on more than the shapes it reads: zeros stand on the network's input, ids are read from it alone,
// tied weights are those of another node; and what a user's module costs may be known later only.
constexpr bool looks_further(Op op) {
    return op == Op::kZero || op == Op::kEmbedding || op == Op::kUnembed || op == Op::kModule;
}

// As many as the table names; for code that runs at every node.
constexpr std::size_t attr_count(Op op) {
    switch (op) {
        case Op::kConv2d:
        case Op::kConv1d:
        case Op::kModule:
            return 6;
        case Op::kAttention:
            return 4;
        case Op::kLinear:
        case Op::kMaxPool:
        case Op::kAvgPool:
        case Op::kResize:
        case Op::kEmbedding:
            return 2;
        case Op::kNorm:
        case Op::kActivation:
        case Op::kDropout:
        case Op::kPosition:
        case Op::kUnembed:
        case Op::kExit:
        case Op::kSlim:
            return 1;
        default:
            return 0;
    }
}

// How many numbers an instruction gives an operation.
constexpr std::size_t arg_count(Op op) {
    return op == Op::kModule ? kMaxArgs : attr_count(op);
}

inline const OpInfo& info(Op op) {
    return operations()[static_cast<std::size_t>(op)];
}

}  // namespace cambrian
