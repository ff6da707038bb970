#include "cambrian/gaps.hpp"

#include <vector>

namespace cambrian {
namespace {

constexpr std::uint64_t kColumn = std::uint64_t{1} << 24;  // what each of the 256 columns holds

}  // namespace

Gaps::Gaps(double rate) {
    // Only products and one rounding each: the same integers on every machine, and 2**32 in all.
    std::array<std::uint64_t, kMore + 1> weight{};
    double tail = 1.0;
    std::uint64_t left = std::uint64_t{1} << 32;
    for (std::size_t j = 0; j < kMore; ++j) {
        tail *= 1.0 - rate;
        const auto after = static_cast<std::uint64_t>(tail * 4294967296.0 + 0.5);
        weight[j] = left - after;
        left = after;
    }
    weight[kMore] = left;

    std::vector<std::size_t> small, large;
    for (std::size_t j = 0; j <= kMore; ++j) {
        (weight[j] < kColumn ? small : large).push_back(j);
        other_[j] = static_cast<std::uint8_t>(j);
    }
    while (!small.empty()) {
        const std::size_t poor = small.back(), rich = large.back();
        small.pop_back();
        keep_[poor] = static_cast<std::uint32_t>(weight[poor]);
        other_[poor] = static_cast<std::uint8_t>(rich);
        weight[rich] -= kColumn - weight[poor];
        if (weight[rich] >= kColumn) continue;
        large.pop_back();
        small.push_back(rich);
    }
    for (const std::size_t j : large) keep_[j] = static_cast<std::uint32_t>(kColumn);
}

}  // namespace cambrian
