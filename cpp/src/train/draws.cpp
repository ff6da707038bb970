#include "cambrian/train/draws.hpp"

namespace cambrian::train {

void keep(std::uint64_t key, std::size_t n, std::uint32_t p_millionths, bool* keep) {
    const std::uint32_t threshold = drop_below(p_millionths);
    for (std::size_t i = 0; i < n; ++i) keep[i] = kept(key, static_cast<std::uint32_t>(i), threshold);
}

}  // namespace cambrian::train
