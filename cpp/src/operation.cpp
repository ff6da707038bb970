#include "cambrian/operation.hpp"

#include <iterator>
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
constexpr Words kAttentionAttrs[] = {"heads", "kv_heads", "causal", "position"};
constexpr Words kEmbeddingAttrs[] = {"vocab", "features"};
constexpr Words kUnembedAttrs[] = {"vocab"};
constexpr Words kNormKinds[] = {"none", "batch", "layer", "rms"};
constexpr Words kPositionKinds[] = {"none", "learned", "sinusoidal"};
constexpr Words kAttentionPositions[] = {"none", "rope", "alibi"};
constexpr Words kExitAttrs[] = {"threshold"};
constexpr Words kSlimAttrs[] = {"parts"};
constexpr Words kModuleAttrs[] = {"module", "first", "second", "third", "fourth", "fifth"};
constexpr Words kActivationKinds[] = {"none",      "relu", "leaky_relu", "elu",     "gelu",       "silu",
                                      "hardswish", "mish", "tanh",       "sigmoid", "hardsigmoid"};
constexpr std::int32_t kMany = std::numeric_limits<std::int32_t>::max();

constexpr OpInfo kOperations[] = {
    {"input", 0, 0, {}, {}},
    {"conv2d", 1, 1, kConvAttrs, {}},
    {"linear", 1, 1, kLinearAttrs, {}},
    {"norm", 1, 1, kKindAttrs, kNormKinds},
    {"activation", 1, 1, kKindAttrs, kActivationKinds},
    {"max_pool", 1, 1, kPoolAttrs, {}},
    {"avg_pool", 1, 1, kPoolAttrs, {}},
    {"mean", 1, 1, {}, {}},
    {"flatten", 1, 1, {}, {}},
    {"dropout", 1, 1, kDropoutAttrs, {}},
    {"add", 1, kMany, {}, {}},
    {"concat", 1, kMany, {}, {}},
    {"multiply", 2, 2, {}, {}},
    {"resize", 1, 1, kResizeAttrs, {}},
    {"zero", 1, 1, {}, {}},
    {"identity", 1, 1, {}, {}},
    {"conv1d", 1, 1, kConvAttrs, {}},
    {"attention", 3, 3, kAttentionAttrs, kAttentionPositions, kAttentionPosition},
    {"embedding", 1, 1, kEmbeddingAttrs, {}},
    {"position", 1, 1, kKindAttrs, kPositionKinds},
    {"tokens", 1, 1, {}, {}},
    {"unembed", 2, 2, kUnembedAttrs, {}},
    {"last", 1, 1, {}, {}},
    {"exit", 2, 2, kExitAttrs, {}},
    {"gate", 3, 3, {}, {}},
    {"slim", 2, 2, kSlimAttrs, {}},
    {"module", 1, 1, kModuleAttrs, {}},
};

constexpr bool counts_agree() {
    for (std::size_t op = 0; op < std::size(kOperations); ++op) {
        if (kOperations[op].attrs.size() != attr_count(static_cast<Op>(op))) return false;
    }
    return true;
}
static_assert(counts_agree());

}  // namespace

std::span<const OpInfo> operations() {
    return kOperations;
}

}  // namespace cambrian
