// How many genes lie between one that is hit and the next.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace cambrian {

// Gaps are geometric if each gene is hit on its own with probability `rate` (kept to 2**-32): one word a gap
// by the alias method (Walker 1977; Vose 1991) over the gaps 0 … 254 and "255 or more", after which the count
// goes on, as a geometric distribution has no memory.
class Gaps {
  public:
    explicit Gaps(double rate);

    // The next gap, or something >= limit.
    template <class Words>
    std::size_t next(Words& words, std::size_t limit) const {
        for (std::size_t gone = 0;; gone += kMore) {
            const std::uint32_t word = words.word();
            const std::uint32_t j = word & 0xFF;
            const std::size_t gap = (word >> 8) < keep_[j] ? j : other_[j];
            if (gap < kMore || gone + kMore >= limit) return gone + gap;
        }
    }

  private:
    static constexpr std::size_t kMore = 255;

    std::array<std::uint32_t, kMore + 1> keep_{};
    std::array<std::uint8_t, kMore + 1> other_{};
};

}  // namespace cambrian
