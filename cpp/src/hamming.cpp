#include "hamming.hpp"

#include <algorithm>

#include "cambrian/simd.hpp"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define CAMBRIAN_X86
#endif

namespace cambrian {
namespace {

template <class T>
using Nearest = std::uint32_t (*)(const T*, const T*, std::size_t, std::size_t, std::uint32_t);

// Every version counts a stretch of the row, and leaves it as soon as it can't be the nearest any more.
template <class T>
std::uint32_t nearest_scalar(const T* row, const T* rows, std::size_t count, std::size_t stride,
                             std::uint32_t best) {
    constexpr std::size_t kStretch = kHammingStride / sizeof(T);
    const std::size_t width = stride / sizeof(T);
    for (std::size_t i = 0; i < count && best > 0; ++i, rows += width) {
        std::uint32_t distance = 0;
        for (std::size_t at = 0; at < width && distance < best; at += kStretch) {
            std::uint8_t differ = 0;
            for (std::size_t c = at; c < at + kStretch; ++c)
                differ = static_cast<std::uint8_t>(differ + (row[c] != rows[c] ? 1 : 0));
            distance += differ;
        }
        best = std::min(best, distance);
    }
    return best;
}

#ifdef CAMBRIAN_X86
#define CAMBRIAN_AVX2 __attribute__((target("avx2,popcnt")))
#define CAMBRIAN_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,popcnt")))

template <class T>
CAMBRIAN_AVX2 std::uint32_t nearest_avx2(const T* row, const T* rows, std::size_t count, std::size_t stride,
                                         std::uint32_t best) {
    const auto* a = reinterpret_cast<const char*>(row);
    const auto* b = reinterpret_cast<const char*>(rows);
    for (std::size_t i = 0; i < count && best > 0; ++i, b += stride) {
        std::uint32_t distance = 0;
        for (std::size_t at = 0; at < stride && distance < best; at += 32) {
            const __m256i x = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(a + at));
            const __m256i y = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b + at));
            const __m256i same = sizeof(T) == 1 ? _mm256_cmpeq_epi8(x, y) : _mm256_cmpeq_epi16(x, y);
            const auto differ = ~static_cast<std::uint32_t>(_mm256_movemask_epi8(same));
            constexpr auto kSize = static_cast<std::uint32_t>(sizeof(T));
            distance += static_cast<std::uint32_t>(_mm_popcnt_u32(differ)) / kSize;
        }
        best = std::min(best, distance);
    }
    return best;
}

// Of the last 64 bytes there may be only half.
template <class T>
CAMBRIAN_AVX512 inline std::uint32_t differing_avx512(__m512i x, const char* b, __mmask64 there) {
    const __m512i y = _mm512_maskz_loadu_epi8(there, b);
    const std::uint64_t differ =
        sizeof(T) == 1 ? _mm512_cmpneq_epi8_mask(x, y) : _mm512_cmpneq_epi16_mask(x, y);
    return static_cast<std::uint32_t>(_mm_popcnt_u64(differ));
}

template <class T>
CAMBRIAN_AVX512 std::uint32_t nearest_avx512(const T* row, const T* rows, std::size_t count,
                                             std::size_t stride, std::uint32_t best) {
    constexpr __mmask64 kWhole = ~__mmask64{0}, kHalf = 0xFFFF'FFFF;
    const auto* a = reinterpret_cast<const char*>(row);
    const auto* b = reinterpret_cast<const char*>(rows);
    if (stride <= 64) {
        const __mmask64 there = stride == 64 ? kWhole : stride == 32 ? kHalf : 0;
        const __m512i x = _mm512_maskz_loadu_epi8(there, a);
        for (std::size_t i = 0; i < count; ++i, b += stride)
            best = std::min(best, differing_avx512<T>(x, b, there));
        return best;
    }
    for (std::size_t i = 0; i < count && best > 0; ++i, b += stride) {
        std::uint32_t distance = 0;
        for (std::size_t at = 0; at < stride && distance < best; at += 64) {
            const __mmask64 there = stride - at >= 64 ? kWhole : kHalf;
            const __m512i x = _mm512_maskz_loadu_epi8(there, a + at);
            distance += differing_avx512<T>(x, b + at, there);
        }
        best = std::min(best, distance);
    }
    return best;
}
#endif

template <class T>
Nearest<T> choose() {
#ifdef CAMBRIAN_X86
    if (simd() == Simd::kAvx512) return nearest_avx512<T>;
    if (simd() == Simd::kAvx2) return nearest_avx2<T>;
#endif
    return nearest_scalar<T>;
}

}  // namespace

template <class T>
std::uint32_t nearest_of(const T* row, const T* rows, std::size_t count, std::size_t stride,
                         std::uint32_t best) {
    static const Nearest<T> nearest = choose<T>();
    return nearest(row, rows, count, stride, best);
}

template std::uint32_t nearest_of(const std::uint8_t*, const std::uint8_t*, std::size_t, std::size_t,
                                  std::uint32_t);
template std::uint32_t nearest_of(const std::uint16_t*, const std::uint16_t*, std::size_t, std::size_t,
                                  std::uint32_t);

}  // namespace cambrian
