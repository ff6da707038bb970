#include "shuffle.hpp"

#include "vector.hpp"

namespace cambrian {
namespace {

// Uniform below `bound` as far as the hash is; the constants are those of Wellons' "lowbias32".
CAMBRIAN_INLINE std::uint32_t scatter(std::uint32_t x, std::uint32_t bound) {
    x ^= x >> 16;
    x *= 0x7FEB'352D;
    x ^= x >> 15;
    x *= 0x846C'A68B;
    x ^= x >> 16;
    return static_cast<std::uint32_t>((std::uint64_t{x} * bound) >> 32);
}

CAMBRIAN_INLINE void add_below(std::uint32_t& x, std::uint32_t y, std::uint32_t bound) {
    x += y;
    x -= x >= bound ? bound : 0;
}

CAMBRIAN_INLINE void rounds(const std::uint32_t* keys, std::uint32_t a, std::uint32_t b, std::size_t count,
                            std::uint32_t* low, std::uint32_t* high) {
    for (std::size_t i = 0; i < count; ++i) {
        std::uint32_t x = low[i], y = high[i];
        for (std::size_t round = 0; round < Shuffle::kRounds; round += 2) {
            add_below(x, scatter(y ^ keys[round], a), a);
            add_below(y, scatter(x ^ keys[round + 1], b), b);
        }
        low[i] = x;
        high[i] = y;
    }
}
CAMBRIAN_VERSIONS(void, rounds,
                  (const std::uint32_t* keys, std::uint32_t a, std::uint32_t b, std::size_t count,
                   std::uint32_t* low, std::uint32_t* high),
                  (keys, a, b, count, low, high))

}  // namespace

Shuffle::Shuffle(std::uint64_t n, Stream stream) : n_(n), a_(1) {
    for (std::uint32_t step = 1U << 15; step > 0; step /= 2) {
        const std::uint64_t below = a_ + step - 1;
        if (below * below < n) a_ += step;
    }
    b_ = static_cast<std::uint32_t>((n + a_ - 1) / a_);
    for (std::uint32_t& key : keys_) key = stream.word();
}

void Shuffle::of(std::uint32_t first, std::size_t count, std::uint32_t* out) const {
    static const auto rounds_here = choose_rounds();
    alignas(64) std::array<std::uint32_t, kMost> low, high;
    std::uint32_t x = first % a_, y = first / a_;
    for (std::size_t i = 0; i < count; ++i) {
        low[i] = x;
        high[i] = y;
        if (++x == a_) x = 0, ++y;
    }
    rounds_here(keys_.data(), a_, b_, count, low.data(), high.data());
    for (std::size_t i = 0; i < count; ++i) {
        // Beyond the end the walk goes on, and comes back as it began within.
        while (std::uint64_t{high[i]} * a_ + low[i] >= n_)
            rounds_here(keys_.data(), a_, b_, 1, &low[i], &high[i]);
        out[i] = high[i] * a_ + low[i];
    }
}

}  // namespace cambrian
