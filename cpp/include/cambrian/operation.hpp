// The primitive operations: the one table that names them, their attributes and what may be done to them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace cambrian {

inline constexpr std::size_t kMaxAttrs = 6;

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
};

enum class Norm : std::int32_t { kNone = 0, kBatch, kLayer };

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

// Attribute positions of conv2d; pools share the first two under their own names.
enum ConvAttr : std::size_t {
    kConvChannels,
    kConvKernel,
    kConvStride,
    kConvDilation,
    kConvGroups,
    kConvBias
};
enum PoolAttr : std::size_t { kPoolKernel, kPoolStride };

struct OpInfo {
    std::string_view name;
    std::int32_t min_inputs;
    std::int32_t max_inputs;
    std::span<const std::string_view> attrs;
    std::span<const std::string_view> kinds;  // words of attribute 0 where it is a kind
};

std::span<const OpInfo> operations();

// Without parameters or randomness: two of them on the same inputs are one.
constexpr bool shareable(Op op) {
    return op != Op::kInput && op != Op::kConv2d && op != Op::kLinear && op != Op::kNorm &&
           op != Op::kDropout;
}
// As many as the table names; for code that runs at every node.
constexpr std::size_t attr_count(Op op) {
    switch (op) {
        case Op::kConv2d:
            return 6;
        case Op::kLinear:
        case Op::kMaxPool:
        case Op::kAvgPool:
        case Op::kResize:
            return 2;
        case Op::kNorm:
        case Op::kActivation:
        case Op::kDropout:
            return 1;
        default:
            return 0;
    }
}

inline const OpInfo& info(Op op) {
    return operations()[static_cast<std::size_t>(op)];
}

}  // namespace cambrian
