#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "key_heads.hpp"
#include "selectors.hpp"
#include "vector.hpp"

namespace cambrian {
namespace {

// Of a group draw d of all is made, then draw d + 1 of all.
constexpr std::size_t kAhead = 6;  // draws made before the first is looked up, so that memory has time

// `count` draws of each of a group compete with the best so far: drawn[d][i] takes the place of best[i] if
// its key is below lowest[i]. A key that is NaN counts as infinity. No branches: which of two random parents
// is better can't be predicted.
using Challenge = void (*)(const double* key, const Group* drawn, std::size_t count, std::uint32_t* best,
                           double* lowest);

void challenge_scalar(const double* key, const Group* drawn, std::size_t count, std::uint32_t* best,
                      double* lowest) {
    constexpr double kWorst = std::numeric_limits<double>::infinity();
    for (std::size_t d = 0; d < count; ++d) {
        for (std::size_t i = 0; i < kGroup; ++i) {
            const double other[2] = {kWorst, key[drawn[d][i]]};
            const double now[2] = {lowest[i], other[other[1] == other[1] ? 1 : 0]};
            const std::size_t better = now[1] < now[0] ? 1 : 0;
            best[i] ^= (best[i] ^ drawn[d][i]) & (0U - static_cast<std::uint32_t>(better));
            lowest[i] = now[better];
        }
    }
}

#ifdef CAMBRIAN_X86
// min(key, infinity) is infinity where the key is NaN.
CAMBRIAN_AVX2 void challenge_avx2(const double* key, const Group* drawn, std::size_t count,
                                  std::uint32_t* best, double* lowest) {
    const __m256d worst = _mm256_set1_pd(std::numeric_limits<double>::infinity());
    const __m256i evens = _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6);
    for (std::size_t i = 0; i < kGroup; i += 4) {
        __m256d low = _mm256_load_pd(lowest + i);
        __m128i winner = _mm_load_si128(reinterpret_cast<const __m128i*>(best + i));
        for (std::size_t d = 0; d < count; ++d) {
            const __m128i at = _mm_load_si128(reinterpret_cast<const __m128i*>(drawn[d].data() + i));
            const __m256d other = _mm256_min_pd(_mm256_i32gather_pd(key, at, 8), worst);
            const __m256d better = _mm256_cmp_pd(other, low, _CMP_LT_OQ);
            low = _mm256_blendv_pd(low, other, better);
            const __m128i mask =
                _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(_mm256_castpd_si256(better), evens));
            winner = _mm_blendv_epi8(winner, at, mask);
        }
        _mm256_store_pd(lowest + i, low);
        _mm_store_si128(reinterpret_cast<__m128i*>(best + i), winner);
    }
}

CAMBRIAN_AVX512 void challenge_avx512(const double* key, const Group* drawn, std::size_t count,
                                      std::uint32_t* best, double* lowest) {
    const __m512d worst = _mm512_set1_pd(std::numeric_limits<double>::infinity());
    for (std::size_t i = 0; i < kGroup; i += 8) {
        __m512d low = _mm512_load_pd(lowest + i);
        __m256i winner = _mm256_load_si256(reinterpret_cast<const __m256i*>(best + i));
        for (std::size_t d = 0; d < count; ++d) {
            const __m256i at = _mm256_load_si256(reinterpret_cast<const __m256i*>(drawn[d].data() + i));
            const __m512d other = _mm512_min_pd(_mm512_i32gather_pd(at, key, 8), worst);
            const __mmask8 better = _mm512_cmp_pd_mask(other, low, _CMP_LT_OQ);
            low = _mm512_mask_mov_pd(low, better, other);
            winner = _mm256_mask_mov_epi32(winner, better, at);
        }
        _mm512_store_pd(lowest + i, low);
        _mm256_store_si256(reinterpret_cast<__m256i*>(best + i), winner);
    }
}

// The same by the heads of keys, sixteen at a time and from half the memory. Where the two lowest heads are
// equal, of different parents, the winner is unsure; returns whether any is.
CAMBRIAN_AVX512 std::uint32_t by_heads_avx512(const std::uint32_t* heads, const Group* drawn,
                                              std::size_t count, std::uint32_t* best, std::uint16_t* unsure) {
    std::uint32_t some = 0;
    for (std::size_t i = 0; i < kGroup; i += 16) {
        __m512i winner = _mm512_load_si512(drawn[0].data() + i);
        __m512i low = gather(heads, drawn[0].data() + i);
        __mmask16 equal = 0;
        for (std::size_t d = 1; d < count; ++d) {
            const __m512i at = _mm512_load_si512(drawn[d].data() + i);
            const __m512i other = gather(heads, drawn[d].data() + i);
            const __mmask16 better = _mm512_cmplt_epu32_mask(other, low);
            equal = static_cast<__mmask16>((equal & ~better) | (_mm512_cmpeq_epu32_mask(other, low) &
                                                                _mm512_cmpneq_epu32_mask(at, winner)));
            low = _mm512_mask_mov_epi32(low, better, other);
            winner = _mm512_mask_mov_epi32(winner, better, at);
        }
        _mm512_store_si512(best + i, winner);
        unsure[i / 16] = equal;
        some |= equal;
    }
    return some;
}
#endif

Challenge choose_challenge() {
#ifdef CAMBRIAN_X86
    if (simd() == Simd::kAvx512) return challenge_avx512;
    if (simd() == Simd::kAvx2) return challenge_avx2;
#endif
    return challenge_scalar;
}

class TournamentSelector final : public GroupSelector {
  public:
    TournamentSelector(const Tournament& tournament, const Pool& pool)
        : size_(tournament.size), pool_(pool), population_(pool.population) {
        if (simd() == Simd::kAvx512 && size_ <= kAhead && pool.population <= kMostHeads &&
            pool.draws >= pool.population) {
            heads_.emplace(pool.key, pool.population);
        }
    }

    std::size_t work() const override { return std::size_t{8} * size_; }

  private:
    static constexpr std::uint32_t kMostHeads = 1U << 20;  // more would take too much memory

    void group(const Source& source, std::uint32_t number, Group& best) const override {
#ifdef CAMBRIAN_X86
        if (heads_) return group_by_heads(source, number, best);
#endif
        alignas(64) std::array<double, kGroup> lowest;
        lowest.fill(std::numeric_limits<double>::infinity());
        alignas(64) std::array<Group, kAhead> drawn;
        for (std::uint32_t d = 0; d < size_; d += kAhead) {
            const auto ahead = std::min<std::uint32_t>(kAhead, size_ - d);
            draw(source, number, d, ahead, drawn.data());
            if (d == 0) best = drawn[0];
            challenge_(pool_.key, drawn.data(), ahead, best.data(), lowest.data());
        }
    }

#ifdef CAMBRIAN_X86
    void group_by_heads(const Source& source, std::uint32_t number, Group& best) const {
        alignas(64) std::array<Group, kAhead> drawn;
        alignas(64) std::array<std::uint16_t, kGroup / 16> unsure;
        draw(source, number, 0, size_, drawn.data());
        const std::uint32_t some =
            by_heads_avx512(heads_->heads.data(), drawn.data(), size_, best.data(), unsure.data());
        if (some == 0 || heads_->exact) return;
        for (std::size_t i = 0; i < kGroup; ++i) {
            if ((unsure[i / 16] >> i % 16 & 1) == 0) continue;
            best[i] = drawn[0][i];
            for (std::uint32_t d = 1; d < size_; ++d) {
                if (pool_.cost(drawn[d][i]) < pool_.cost(best[i])) best[i] = drawn[d][i];
            }
        }
    }
#endif

    // Draws d … d + count - 1 of a group, three at a time where the population is small enough for that.
    void draw(const Source& source, std::uint32_t number, std::uint32_t d, std::uint32_t count,
              Group* drawn) const {
        static_assert(sizeof(Group) == kGroup * sizeof(std::uint32_t));
        constexpr std::uint32_t kBlocks = kGroup / 4;
        for (std::uint32_t i = 0; i < count;) {
            std::uint32_t* const out = drawn[i].data();
            if (population_.bound <= kMostOfThree && i + 3 <= count) {
                below_fill_three(source, kSelect, number, (d + i) * kBlocks, population_, kGroup, out);
                i += 3;
            } else {
                below_fill(source, kSelect, number, (d + i) * kBlocks, population_, kGroup, out);
                ++i;
            }
        }
        if (!pool_.far()) return;
        for (std::uint32_t i = 0; i < count; ++i) {
            for (const std::uint32_t parent : drawn[i]) {
                if (heads_) {
                    prefetch(heads_->heads.data() + parent);
                } else {
                    prefetch(pool_.key + parent);
                }
            }
        }
    }

    std::uint32_t size_;
    Pool pool_;
    Bound population_;
    Challenge challenge_ = choose_challenge();
    std::optional<KeyHeads> heads_;
};

}  // namespace

std::unique_ptr<Selector> make(const Tournament& selection, const Pool& pool) {
    return std::make_unique<TournamentSelector>(selection, pool);
}

}  // namespace cambrian
