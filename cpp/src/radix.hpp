// Stable sorting of rows by numbers, in a few passes over the digits of their bits.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace cambrian {

// A whole number that orders as `x` does; -0.0 and 0.0 have the same. Not for NaN.
inline std::uint64_t ordered_bits(double x) {
    const auto bits = std::bit_cast<std::uint64_t>(x + 0.0);
    return bits ^ ((std::uint64_t{0} - (bits >> 63)) | std::uint64_t{1} << 63);
}

inline double from_ordered_bits(std::uint64_t bits) {
    return std::bit_cast<double>(bits ^ (((bits >> 63) - 1) | std::uint64_t{1} << 63));
}

// One sorter may be used again and again, and keeps its memory.
class RadixSort {
  public:
    // Sorts `order` by key[order[i] * stride], lowest first; of equal keys the earlier stays first.
    void operator()(const std::uint64_t* key, std::size_t stride, std::vector<std::uint32_t>& order);

  private:
    void by_digits(unsigned bits);
    void by_low_bits();

    // The highest 32 bits in which the keys differ, and the place in `order`.
    std::vector<std::uint64_t> items_, spare_;
    std::vector<std::uint64_t> keys_;  // as in `order` before
    std::vector<std::uint32_t> before_;
};

}  // namespace cambrian
