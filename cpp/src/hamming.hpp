// The least Hamming distance from one row to many, on the widest vectors that the CPU has.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cambrian {

// Rows are this many bytes apart, or a multiple; what stands behind their genes must be equal.
inline constexpr std::size_t kHammingStride = 32;

// The least number of values of T in which `row` differs from one of `count` rows that begin `stride` bytes
// apart; `best` if none differs in fewer.
template <class T>
std::uint32_t nearest_of(const T* row, const T* rows, std::size_t count, std::size_t stride,
                         std::uint32_t best);

}  // namespace cambrian
