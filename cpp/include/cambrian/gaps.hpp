// How many genes lie between one that is hit and the next.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cambrian/rng.hpp"

namespace cambrian {

// Gaps are geometric if each gene is hit on its own with probability `rate` (kept to 2**-32): one word a gap
// by the alias method (Walker 1977; Vose 1991) over the gaps 0 … 254 and "255 or more", after which the count
// goes on, as a geometric distribution has no memory.
class Gaps {
  public:
    explicit Gaps(double rate);

    // The next gap, or something >= limit.
    std::size_t next(Words& words, std::size_t limit) const {
        for (std::size_t gone = 0;; gone += kMore) {
            const std::size_t gap = gap_of(words.word(), table_.data());
            if (gap < kMore || gone + kMore >= limit) return gone + gap;
        }
    }

    // The places below `total` that are hit, rising, to the front of `out`, which grows as needed: as many as
    // are returned. No word of `words` was taken before.
    std::size_t find(Words& words, std::size_t total, std::vector<std::uint32_t>& out) const;

    // Sixteen words in one go, so that no gap waits for the one before it. Writes up to sixteen places to
    // `hits`, the first from `at` on; moves `at` to where the next gap begins; returns how many they are.
    using Sixteen = std::size_t (*)(const std::uint32_t* words, const std::uint32_t* table, std::size_t& at,
                                    std::uint32_t* hits);

    static constexpr std::uint32_t kMore = 255;

    static std::uint32_t gap_of(std::uint32_t word, const std::uint32_t* table) {
        const std::uint32_t gap = word & 0xFF, entry = table[gap], other = entry & 0xFF;
        // Arithmetic in place of a branch, which couldn't be predicted.
        const std::uint32_t kept = 0U - std::uint32_t{word >> 8 < entry >> 8};
        return other ^ ((other ^ gap) & kept);
    }

  private:
    // Of gap j: below which first 24 bits of a word it stays, and in the last eight the gap it gives way to.
    std::array<std::uint32_t, kMore + 1> table_{};
};

}  // namespace cambrian
