#include "cambrian/rng.hpp"

#include <algorithm>

#include "cambrian/simd.hpp"
#include "vector.hpp"

namespace cambrian {
namespace {

constexpr std::uint32_t kMultiply0 = 0xD2511F53, kMultiply1 = 0xCD9E8D57;
constexpr std::uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;
constexpr int kRounds = 7;
constexpr std::size_t kLanes = 16;

// SplitMix64 (Steele, Lea and Flood 2014): a bijection that scatters neighbouring seeds.
constexpr std::uint64_t mix(std::uint64_t z) {
    z += 0x9E3779B97F4A7C15;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
}

constexpr std::uint32_t high(std::uint64_t x) {
    return static_cast<std::uint32_t>(x >> 32);
}
constexpr std::uint32_t low(std::uint64_t x) {
    return static_cast<std::uint32_t>(x);
}

// Sixteen counters at once, whose word `axis` counts up.
using Sixteen = void (*)(PhiloxKey key, const Philox& counter, int axis, std::uint32_t* out);

void sixteen_scalar(PhiloxKey key, const Philox& counter, int axis, std::uint32_t* out) {
    for (std::uint32_t i = 0; i < kLanes; ++i) {
        Philox next = counter;
        next[static_cast<std::size_t>(axis)] += i;
        next = philox(next, key);
        std::copy(next.begin(), next.end(), out + 4 * i);
    }
}

#ifdef CAMBRIAN_X86
// Both vector versions keep a counter's word in the low half of a 64-bit lane: the multiply reads only that
// half, so what stands in the high half is left there. Even lanes hold the first half of the counters and odd
// lanes the second: then the two unpacks at the end write whole blocks in order.
CAMBRIAN_AVX2 void sixteen_avx2(PhiloxKey key, const Philox& counter, int axis, std::uint32_t* out) {
    constexpr int kVectors = 4;
    const __m256i first = _mm256_setr_epi64x(0, 2, 1, 3);
    const __m256i multiply0 = _mm256_set1_epi64x(kMultiply0), multiply1 = _mm256_set1_epi64x(kMultiply1);
    __m256i a[kVectors], b[kVectors], c[kVectors], d[kVectors];
    for (int v = 0; v < kVectors; ++v) {
        const __m256i step = _mm256_add_epi64(first, _mm256_set1_epi64x(4 * v));
        a[v] = _mm256_add_epi64(_mm256_set1_epi64x(counter[0]), axis == 0 ? step : _mm256_setzero_si256());
        b[v] = _mm256_set1_epi64x(counter[1]);
        c[v] = _mm256_add_epi64(_mm256_set1_epi64x(counter[2]), axis == 2 ? step : _mm256_setzero_si256());
        d[v] = _mm256_set1_epi64x(counter[3]);
    }
    for (int round = 0; round < kRounds; ++round) {
        const __m256i key0 = _mm256_set1_epi64x(key[0]), key1 = _mm256_set1_epi64x(key[1]);
        for (int v = 0; v < kVectors; ++v) {
            const __m256i x = _mm256_mul_epu32(a[v], multiply0), y = _mm256_mul_epu32(c[v], multiply1);
            a[v] = _mm256_xor_si256(_mm256_xor_si256(_mm256_srli_epi64(y, 32), b[v]), key0);
            c[v] = _mm256_xor_si256(_mm256_xor_si256(_mm256_srli_epi64(x, 32), d[v]), key1);
            b[v] = y;
            d[v] = x;
        }
        key[0] += kWeyl0;
        key[1] += kWeyl1;
    }
    for (int v = 0; v < kVectors; ++v) {
        const __m256i ab = _mm256_blend_epi32(a[v], _mm256_slli_epi64(b[v], 32), 0xAA);
        const __m256i cd = _mm256_blend_epi32(c[v], _mm256_slli_epi64(d[v], 32), 0xAA);
        auto* at = reinterpret_cast<__m256i*>(out + 16 * v);
        _mm256_storeu_si256(at, _mm256_unpacklo_epi64(ab, cd));
        _mm256_storeu_si256(at + 1, _mm256_unpackhi_epi64(ab, cd));
    }
}

template <int kVectors>
CAMBRIAN_AVX512 void many_avx512(PhiloxKey key, const Philox& counter, int axis, std::uint32_t* out) {
    const __m512i first = _mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7);
    const __m512i multiply0 = _mm512_set1_epi64(kMultiply0), multiply1 = _mm512_set1_epi64(kMultiply1);
    const __m512i weyl0 = _mm512_set1_epi64(kWeyl0), weyl1 = _mm512_set1_epi64(kWeyl1);
    __m512i key0 = _mm512_set1_epi64(key[0]), key1 = _mm512_set1_epi64(key[1]);
    __m512i a[kVectors], b[kVectors], c[kVectors], d[kVectors];
    for (int v = 0; v < kVectors; ++v) {
        const __m512i step = _mm512_add_epi64(first, _mm512_set1_epi64(8 * v));
        a[v] = _mm512_add_epi64(_mm512_set1_epi64(counter[0]), axis == 0 ? step : _mm512_setzero_si512());
        b[v] = _mm512_set1_epi64(counter[1]);
        c[v] = _mm512_add_epi64(_mm512_set1_epi64(counter[2]), axis == 2 ? step : _mm512_setzero_si512());
        d[v] = _mm512_set1_epi64(counter[3]);
    }
    constexpr int kXor3 = 0x96;
#pragma GCC unroll 7
    for (int round = 0; round < kRounds; ++round) {
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) {
            const __m512i x = _mm512_mul_epu32(a[v], multiply0), y = _mm512_mul_epu32(c[v], multiply1);
            a[v] = _mm512_ternarylogic_epi64(b[v], _mm512_srli_epi64(y, 32), key0, kXor3);
            c[v] = _mm512_ternarylogic_epi64(d[v], _mm512_srli_epi64(x, 32), key1, kXor3);
            b[v] = y;
            d[v] = x;
        }
        key0 = _mm512_add_epi32(key0, weyl0);
        key1 = _mm512_add_epi32(key1, weyl1);
    }
    constexpr __mmask16 kOdd = 0xAAAA;
    for (int v = 0; v < kVectors; ++v) {
        const __m512i ab = _mm512_mask_blend_epi32(kOdd, a[v], _mm512_slli_epi64(b[v], 32));
        const __m512i cd = _mm512_mask_blend_epi32(kOdd, c[v], _mm512_slli_epi64(d[v], 32));
        _mm512_storeu_si512(out + 32 * v, _mm512_unpacklo_epi64(ab, cd));
        _mm512_storeu_si512(out + 32 * v + 16, _mm512_unpackhi_epi64(ab, cd));
    }
}
#endif

// Twice as many, where that is faster.
Sixteen choose_thirty_two() {
#ifdef CAMBRIAN_X86
    if (simd() == Simd::kAvx512) return many_avx512<4>;
#endif
    return nullptr;
}

Sixteen choose_sixteen() {
#ifdef CAMBRIAN_X86
    if (simd() == Simd::kAvx512) return many_avx512<2>;
    if (simd() == Simd::kAvx2) return sixteen_avx2;
#endif
    return sixteen_scalar;
}

}  // namespace

Philox philox(Philox counter, PhiloxKey key) {
    for (int round = 0; round < kRounds; ++round) {
        const std::uint64_t x = std::uint64_t{kMultiply0} * counter[0];
        const std::uint64_t y = std::uint64_t{kMultiply1} * counter[2];
        counter = {high(y) ^ counter[1] ^ key[0], low(y), high(x) ^ counter[3] ^ key[1], low(x)};
        key[0] += kWeyl0;
        key[1] += kWeyl1;
    }
    return counter;
}

Source::Source(std::uint64_t seed, std::uint32_t run, std::uint32_t g) : generation(g) {
    const std::uint64_t mixed = mix(mix(seed) + run);
    key = {low(mixed), high(mixed)};
}

void philox_fill(PhiloxKey key, Philox counter, int axis, std::size_t count, std::uint32_t* out) {
    static const Sixteen sixteen = choose_sixteen(), thirty_two = choose_thirty_two();
    for (; thirty_two != nullptr && count >= 2 * kLanes; count -= 2 * kLanes, out += 8 * kLanes) {
        thirty_two(key, counter, axis, out);
        counter[static_cast<std::size_t>(axis)] += static_cast<std::uint32_t>(2 * kLanes);
    }
    for (; count >= kLanes; count -= kLanes, out += 4 * kLanes) {
        sixteen(key, counter, axis, out);
        counter[static_cast<std::size_t>(axis)] += static_cast<std::uint32_t>(kLanes);
    }
    if (count == 0) return;
    alignas(64) std::uint32_t last[4 * kLanes];
    sixteen(key, counter, axis, last);
    std::copy_n(last, 4 * count, out);
}

namespace {

// True if some word was refused.
CAMBRIAN_INLINE bool scale(const std::uint32_t* words, const Bound& bound, std::size_t count,
                           std::uint32_t* out) {
    std::uint32_t refused = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint64_t product = std::uint64_t{words[i]} * bound.bound;
        out[i] = static_cast<std::uint32_t>(product >> 32);
        refused |= std::uint32_t{static_cast<std::uint32_t>(product) < bound.refuse};
    }
    return refused != 0;
}
CAMBRIAN_VERSIONS(bool, scale,
                  (const std::uint32_t* words, const Bound& bound, std::size_t count, std::uint32_t* out),
                  (words, bound, count, out))

// The three digits, to base `bound`, of the product of two words (high, low) with bound**3, without its last
// 64 bits; returns those.
CAMBRIAN_INLINE std::uint64_t three_digits(std::uint32_t high, std::uint32_t low, std::uint64_t bound,
                                           std::uint32_t* out, std::size_t step) {
    std::uint64_t upper = high, lower = low;
    for (std::size_t d = 0; d < 3; ++d) {
        lower = (lower & 0xFFFFFFFF) * bound;
        upper = (upper & 0xFFFFFFFF) * bound + (lower >> 32);
        out[d * step] = static_cast<std::uint32_t>(upper >> 32);
    }
    return upper << 32 | (lower & 0xFFFFFFFF);
}

// True if some pair was refused.
CAMBRIAN_INLINE bool scale_three(const std::uint32_t* words, std::uint64_t bound, std::uint64_t refuse,
                                 std::size_t count, std::uint32_t* out) {
    std::uint64_t refused = 0;
    for (std::size_t i = 0; i < count; ++i) {
        refused |= std::uint64_t{three_digits(words[i], words[count + i], bound, out + i, count) < refuse};
    }
    return refused != 0;
}
CAMBRIAN_VERSIONS(bool, scale_three,
                  (const std::uint32_t* words, std::uint64_t bound, std::uint64_t refuse, std::size_t count,
                   std::uint32_t* out),
                  (words, bound, refuse, count, out))

}  // namespace

void below_fill_three(const Source& source, std::uint32_t purpose, std::uint32_t individual,
                      std::uint32_t block, const Bound& bound, std::size_t count, std::uint32_t* out) {
    static const auto here = choose_scale_three();
    alignas(64) std::uint32_t words[512];
    const std::uint64_t base = bound.bound, cube = base * base * base, refuse = (0 - cube) % cube;
    philox_fill(source.key, {block, purpose, individual, source.generation}, 0, count / 2, words);
    if (!here(words, base, refuse, count, out)) return;
    Stream again(source, purpose + kAgain, individual, block);
    for (std::size_t i = 0; i < count; ++i) {
        std::uint64_t rest = three_digits(words[i], words[count + i], base, out + i, count);
        while (rest < refuse) {
            const std::uint32_t high = again.word(), low = again.word();
            rest = three_digits(high, low, base, out + i, count);
        }
    }
}

void below_fill(const Source& source, std::uint32_t purpose, std::uint32_t individual, std::uint32_t block,
                const Bound& bound, std::size_t count, std::uint32_t* out) {
    constexpr std::size_t kMany = 256;
    static const auto scale_here = choose_scale();
    alignas(64) std::uint32_t words[kMany];
    for (std::size_t from = 0; from < count; from += kMany) {
        const std::size_t some = std::min(kMany, count - from);
        const std::uint32_t at = block + static_cast<std::uint32_t>(from / 4);
        philox_fill(source.key, {at, purpose, individual, source.generation}, 0, some / 4, words);
        if (!scale_here(words, bound, some, out + from)) continue;
        Stream again(source, purpose + kAgain, individual, at);
        for (std::size_t i = 0; i < some; ++i) {
            if (static_cast<std::uint32_t>(words[i] * bound.bound) < bound.refuse)
                out[from + i] = again.below(bound);
        }
    }
}

}  // namespace cambrian
