#include "blend.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <type_traits>

#include "vector.hpp"

namespace cambrian {
namespace {

// Byte masks of the eight bits of a byte, lowest bit first.
constexpr auto kMasks = [] {
    std::array<std::array<std::uint8_t, 8>, 256> masks{};
    for (std::size_t bits = 0; bits < 256; ++bits) {
        for (std::size_t i = 0; i < 8; ++i) masks[bits][i] = ((bits >> i) & 1) != 0 ? 0xFF : 0;
    }
    return masks;
}();

void blend_eight(const std::uint8_t* first, const std::uint8_t* second, std::uint8_t bits,
                 std::uint8_t* out) {
    std::uint64_t a, b, mask;
    std::memcpy(&a, first, 8);
    std::memcpy(&b, second, 8);
    std::memcpy(&mask, kMasks[bits].data(), 8);
    a ^= (a ^ b) & mask;
    std::memcpy(out, &a, 8);
}

template <class T>
void genome_scalar(const T* first, const T* second, const std::uint32_t* bits, std::size_t width, T* out) {
    std::size_t i = 0;
    if constexpr (std::is_same_v<T, std::uint8_t>) {
        for (; i + 8 <= width; i += 8) {
            blend_eight(first + i, second + i, static_cast<std::uint8_t>(bits[i / 32] >> i % 32), out + i);
        }
    }
    for (; i < width; ++i) {
        const T mask = static_cast<T>(0 - ((bits[i / 32] >> i % 32) & 1));
        out[i] = static_cast<T>((first[i] & ~mask) | (second[i] & mask));
    }
}

#ifdef CAMBRIAN_X86
CAMBRIAN_AVX2 inline void genome_avx2(const std::uint8_t* first, const std::uint8_t* second,
                                      const std::uint32_t* bits, std::size_t width, std::uint8_t* out) {
    const __m256i spread = _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2,
                                            2, 2, 3, 3, 3, 3, 3, 3, 3, 3);
    const __m256i one = _mm256_set1_epi64x(static_cast<long long>(0x8040201008040201));
    std::size_t i = 0;
    for (; i + 32 <= width; i += 32) {
        const __m256i word = _mm256_set1_epi32(static_cast<int>(bits[i / 32]));
        const __m256i mask = _mm256_cmpeq_epi8(_mm256_and_si256(_mm256_shuffle_epi8(word, spread), one), one);
        const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(first + i));
        const __m256i b = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(second + i));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i), _mm256_blendv_epi8(a, b, mask));
    }
    if (i < width) genome_scalar(first + i, second + i, bits + i / 32, width - i, out + i);
}

CAMBRIAN_AVX512 inline void genome_avx512(const std::uint8_t* first, const std::uint8_t* second,
                                          const std::uint32_t* bits, std::size_t width, std::uint8_t* out) {
    std::size_t i = 0;
    for (; i + 64 <= width; i += 64) {
        std::uint64_t mask;
        std::memcpy(&mask, bits + i / 32, 8);
        const __m512i a = _mm512_loadu_si512(first + i), b = _mm512_loadu_si512(second + i);
        _mm512_storeu_si512(out + i, _mm512_mask_blend_epi8(mask, a, b));
    }
    if (i < width) genome_scalar(first + i, second + i, bits + i / 32, width - i, out + i);
}

CAMBRIAN_AVX512 inline void genome_avx512(const std::uint16_t* first, const std::uint16_t* second,
                                          const std::uint32_t* bits, std::size_t width, std::uint16_t* out) {
    std::size_t i = 0;
    for (; i + 32 <= width; i += 32) {
        const __m512i a = _mm512_loadu_si512(first + i), b = _mm512_loadu_si512(second + i);
        _mm512_storeu_si512(out + i, _mm512_mask_blend_epi16(bits[i / 32], a, b));
    }
    if (i < width) genome_scalar(first + i, second + i, bits + i / 32, width - i, out + i);
}
#endif

#define CAMBRIAN_EACH_ROW(genome)                                                            \
    for (std::size_t i = 0; i < count; ++i) {                                                \
        const std::size_t row = rows[i];                                                     \
        genome(work.first[row], work.second[row], work.bits + row * work.stride, work.width, \
               work.out + row * work.width);                                                 \
    }

template <class T>
void blend_scalar(const BlendRows<T>& work, const std::uint16_t* rows, std::size_t count) {
    CAMBRIAN_EACH_ROW(genome_scalar)
}
#ifdef CAMBRIAN_X86
template <class T>
CAMBRIAN_AVX2 void blend_avx2(const BlendRows<T>& work, const std::uint16_t* rows, std::size_t count) {
    CAMBRIAN_EACH_ROW(genome_avx2)
}
template <class T>
CAMBRIAN_AVX512 void blend_avx512(const BlendRows<T>& work, const std::uint16_t* rows, std::size_t count) {
    CAMBRIAN_EACH_ROW(genome_avx512)
}
#endif
#undef CAMBRIAN_EACH_ROW

}  // namespace

template <class T>
Blend<T> choose_blend() {
#ifdef CAMBRIAN_X86
    if (simd() == Simd::kAvx512) return blend_avx512<T>;
    if constexpr (std::is_same_v<T, std::uint8_t>) {
        if (simd() == Simd::kAvx2) return blend_avx2<T>;
    }
#endif
    return blend_scalar<T>;
}

template Blend<std::uint8_t> choose_blend();
template Blend<std::uint16_t> choose_blend();

}  // namespace cambrian
