#include "radix.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace cambrian {
namespace {

constexpr unsigned kDigit = 11;
constexpr unsigned kPasses = 3;
constexpr std::size_t kFew = 512;  // so few are sorted by comparison
constexpr std::uint64_t kPlace = 0xFFFFFFFF;

}  // namespace

void RadixSort::by_digits(unsigned bits) {
    constexpr std::size_t kValues = std::size_t{1} << kDigit;
    std::array<std::array<std::uint32_t, kValues>, kPasses> starts{};
    for (const std::uint64_t item : items_) {
        for (unsigned pass = 0; pass < kPasses; ++pass) {
            ++starts[pass][item >> (32 + pass * kDigit) & (kValues - 1)];
        }
    }
    spare_.resize(items_.size());
    for (unsigned pass = 0; pass * kDigit < bits; ++pass) {
        auto& start = starts[pass];
        std::uint32_t sum = 0;
        for (std::uint32_t& count : start) sum += std::exchange(count, sum);
        for (const std::uint64_t item : items_) {
            spare_[start[item >> (32 + pass * kDigit) & (kValues - 1)]++] = item;
        }
        items_.swap(spare_);
    }
}

void RadixSort::by_low_bits() {
    const auto at = [&](std::size_t i) { return keys_[items_[i] & kPlace]; };
    for (std::size_t from = 0, to = 0; from < items_.size(); from = to) {
        bool sorted = true;
        for (to = from + 1; to < items_.size() && items_[to] >> 32 == items_[from] >> 32; ++to) {
            sorted = sorted && at(to - 1) <= at(to);
        }
        if (sorted) continue;
        std::sort(items_.begin() + static_cast<std::ptrdiff_t>(from),
                  items_.begin() + static_cast<std::ptrdiff_t>(to), [&](std::uint64_t a, std::uint64_t b) {
                      const std::uint64_t x = keys_[a & kPlace], y = keys_[b & kPlace];
                      return x != y ? x < y : a < b;
                  });
    }
}

void RadixSort::operator()(const std::uint64_t* key, std::size_t stride, std::vector<std::uint32_t>& order) {
    const std::size_t n = order.size();
    if (n < 2) return;
    keys_.resize(n);
    std::uint64_t low = key[order[0] * stride], high = low;
    for (std::size_t i = 0; i < n; ++i) {
        keys_[i] = key[order[i] * stride];
        low = std::min(low, keys_[i]);
        high = std::max(high, keys_[i]);
    }
    const auto width = static_cast<unsigned>(std::bit_width(high - low));
    const unsigned shift = width > 32 ? width - 32 : 0;
    items_.resize(n);
    for (std::size_t i = 0; i < n; ++i) items_[i] = (keys_[i] - low) >> shift << 32 | i;
    if (n < kFew) {
        std::sort(items_.begin(), items_.end());
    } else {
        by_digits(width - shift);
    }
    if (shift > 0) by_low_bits();
    before_ = order;
    for (std::size_t i = 0; i < n; ++i) order[i] = before_[items_[i] & kPlace];
}

}  // namespace cambrian
