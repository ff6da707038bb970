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
    bool shareable;  // without parameters or randomness: two of them on the same inputs are one
    std::span<const std::string_view> attrs;
    std::span<const std::string_view> kinds;  // words of attribute 0 where it is a kind
};

std::span<const OpInfo> operations();

inline const OpInfo& info(Op op) {
    return operations()[static_cast<std::size_t>(op)];
}

}  // namespace cambrian
