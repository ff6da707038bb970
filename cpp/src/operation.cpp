#include "cambrian/operation.hpp"

#include <limits>

namespace cambrian {
namespace {

using Words = std::string_view;

constexpr Words kConvAttrs[] = {"channels", "kernel", "stride", "dilation", "groups", "bias"};
constexpr Words kLinearAttrs[] = {"features", "bias"};
constexpr Words kKindAttrs[] = {"kind"};
constexpr Words kPoolAttrs[] = {"kernel", "stride"};
constexpr Words kDropoutAttrs[] = {"p"};
constexpr Words kResizeAttrs[] = {"height", "width"};
constexpr Words kNormKinds[] = {"none", "batch", "layer"};
constexpr Words kActivationKinds[] = {"none",      "relu", "leaky_relu", "elu",     "gelu",       "silu",
                                      "hardswish", "mish", "tanh",       "sigmoid", "hardsigmoid"};
constexpr std::int32_t kMany = std::numeric_limits<std::int32_t>::max();

constexpr OpInfo kOperations[] = {
    {"input", 0, 0, false, {}, {}},
    {"conv2d", 1, 1, false, kConvAttrs, {}},
    {"linear", 1, 1, false, kLinearAttrs, {}},
    {"norm", 1, 1, false, kKindAttrs, kNormKinds},
    {"activation", 1, 1, true, kKindAttrs, kActivationKinds},
    {"max_pool", 1, 1, true, kPoolAttrs, {}},
    {"avg_pool", 1, 1, true, kPoolAttrs, {}},
    {"mean", 1, 1, true, {}, {}},
    {"flatten", 1, 1, true, {}, {}},
    {"dropout", 1, 1, false, kDropoutAttrs, {}},
    {"add", 1, kMany, true, {}, {}},
    {"concat", 1, kMany, true, {}, {}},
    {"multiply", 2, 2, true, {}, {}},
    {"resize", 1, 1, true, kResizeAttrs, {}},
    {"zero", 1, 1, true, {}, {}},
    {"identity", 1, 1, true, {}, {}},
};

}  // namespace

std::span<const OpInfo> operations() {
    return kOperations;
}

}  // namespace cambrian
