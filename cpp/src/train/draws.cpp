#include "cambrian/train/draws.hpp"

#include "../vector.hpp"

namespace cambrian::train {
namespace {

struct Drops {
    std::uint64_t key;
    std::uint32_t threshold;
    float scale;
};

// Of places first, first + stride, …
CAMBRIAN_INLINE void drop_loop(Drops drops, std::uint32_t first, std::uint32_t stride, std::size_t n,
                               const float* x, float* y) {
    for (std::size_t i = 0; i < n; ++i) {
        const std::uint32_t at = first + static_cast<std::uint32_t>(i) * stride;
        y[i] = kept(drops.key, at, drops.threshold) ? x[i] * drops.scale : 0.0F;
    }
}
CAMBRIAN_VERSIONS(void, drop_loop,
                  (Drops drops, std::uint32_t first, std::uint32_t stride, std::size_t n, const float* x,
                   float* y),
                  (drops, first, stride, n, x, y))

CAMBRIAN_INLINE void add_drops(Drops drops, std::uint32_t first, std::uint32_t stride, std::size_t n,
                               const float* x, float* y) {
    for (std::size_t i = 0; i < n; ++i) {
        const std::uint32_t at = first + static_cast<std::uint32_t>(i) * stride;
        y[i] += kept(drops.key, at, drops.threshold) ? x[i] * drops.scale : 0.0F;
    }
}
CAMBRIAN_VERSIONS(void, add_drops,
                  (Drops drops, std::uint32_t first, std::uint32_t stride, std::size_t n, const float* x,
                   float* y),
                  (drops, first, stride, n, x, y))

}  // namespace

void keep(std::uint64_t key, std::size_t n, std::uint32_t p_millionths, bool* keep) {
    const std::uint32_t threshold = drop_below(p_millionths);
    for (std::size_t i = 0; i < n; ++i) keep[i] = kept(key, static_cast<std::uint32_t>(i), threshold);
}

void drop(std::uint64_t key, std::uint32_t p_millionths, std::uint32_t first, std::size_t rows,
          std::size_t channels, const float* x, float* y, bool add) {
    static const auto set = choose_drop_loop(), sum = choose_add_drops();
    const auto run = add ? sum : set;
    const Drops drops{key, drop_below(p_millionths), keep_scale(p_millionths)};
    for (std::size_t row = 0; row < rows; ++row) {
        run(drops, first + static_cast<std::uint32_t>(row), static_cast<std::uint32_t>(rows), channels,
            x + row * channels, y + row * channels);
    }
}

}  // namespace cambrian::train
