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
            const std::size_t gap = gap_of(words.word(), keep_.data(), other_.data());
            if (gap < kMore || gone + kMore >= limit) return gone + gap;
        }
    }

    // The places below `total` that are hit, rising, to the front of `out`, which grows as needed: as many as
    // are returned.
    std::size_t find(Words& words, std::size_t total, std::vector<std::uint32_t>& out) const {
        constexpr std::size_t kSome = 16;  // in one go, so that no gap waits for the one before it
        // Locals, as `out` may not be written through a pointer of ours.
        const std::uint32_t* const keep = keep_.data();
        const std::uint8_t* const other = other_.data();
        std::size_t count = 0;
        for (std::size_t at = 0; at < total;) {
            if (out.size() < count + kSome) out.resize(2 * count + 8 * kSome);
            std::uint32_t* const hits = out.data();
            for (std::size_t i = 0; i < kSome; ++i) {
                const std::size_t gap = gap_of(words.word(), keep, other);
                const std::size_t hit = gap < kMore ? 1 : 0;
                hits[count] = static_cast<std::uint32_t>(at + gap);
                count += hit;
                at += gap + hit;
            }
        }
        while (count > 0 && out[count - 1] >= total) --count;
        return count;
    }

  private:
    static constexpr std::size_t kMore = 255;

    static std::size_t gap_of(std::uint32_t word, const std::uint32_t* keep, const std::uint8_t* others) {
        const std::size_t j = word & 0xFF, other = others[j];
        // Arithmetic in place of a branch, which couldn't be predicted.
        const std::size_t kept = std::size_t{0} - std::size_t{(word >> 8) < keep[j]};
        return other ^ ((other ^ j) & kept);
    }

    std::array<std::uint32_t, kMore + 1> keep_{};
    std::array<std::uint8_t, kMore + 1> other_{};
};

}  // namespace cambrian
