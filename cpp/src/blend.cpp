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
void genome_scalar(const T* first, const T* second, const std::uint32_t* bits, std::uint32_t crossed,
                   const T* limits, std::size_t width, T* out) {
    std::size_t i = 0;
    if constexpr (std::is_same_v<T, std::uint8_t>) {
        for (; i + 8 <= width; i += 8) {
            const std::uint32_t eight = (bits[i / 32] & crossed) >> i % 32;
            blend_eight(first + i, second + i, static_cast<std::uint8_t>(eight), out + i);
        }
    }
    for (; i < width; ++i) {
        const T mask = static_cast<T>(0 - (((bits[i / 32] & crossed) >> i % 32) & 1));
        out[i] = static_cast<T>((first[i] & ~mask) | (second[i] & mask));
    }
    if (limits == nullptr) return;
    for (i = 0; i < width; ++i) out[i] = out[i] < limits[i] ? out[i] : limits[i];
}

#ifdef CAMBRIAN_X86
CAMBRIAN_AVX2 inline void genome_avx2(const std::uint8_t* first, const std::uint8_t* second,
                                      const std::uint32_t* bits, std::uint32_t crossed,
                                      const std::uint8_t* limits, std::size_t width, std::uint8_t* out) {
    const __m256i spread = _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2,
                                            2, 2, 3, 3, 3, 3, 3, 3, 3, 3);
    const __m256i one = _mm256_set1_epi64x(static_cast<long long>(0x8040201008040201));
    std::size_t i = 0;
    for (; i + 32 <= width; i += 32) {
        const __m256i word = _mm256_set1_epi32(static_cast<int>(bits[i / 32] & crossed));
        const __m256i mask = _mm256_cmpeq_epi8(_mm256_and_si256(_mm256_shuffle_epi8(word, spread), one), one);
        const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(first + i));
        const __m256i b = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(second + i));
        __m256i gene = _mm256_blendv_epi8(a, b, mask);
        if (limits != nullptr)
            gene = _mm256_min_epu8(gene, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(limits + i)));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i), gene);
    }
    if (i == width) return;
    genome_scalar(first + i, second + i, bits + i / 32, crossed, limits == nullptr ? nullptr : limits + i,
                  width - i, out + i);
}

// Whole vectors first: a store by a mask takes many times as long on some CPUs, even of all bytes.
CAMBRIAN_AVX512 inline void genome_avx512(const std::uint8_t* first, const std::uint8_t* second,
                                          const std::uint32_t* bits, std::uint32_t crossed,
                                          const std::uint8_t* limits, std::size_t width, std::uint8_t* out) {
    std::size_t i = 0;
    for (; i + 64 <= width; i += 64) {
        const std::uint64_t low = bits[i / 32] & crossed, high = bits[i / 32 + 1] & crossed;
        __m512i gene = _mm512_mask_blend_epi8(low | high << 32, _mm512_loadu_si512(first + i),
                                              _mm512_loadu_si512(second + i));
        if (limits != nullptr) gene = _mm512_min_epu8(gene, _mm512_loadu_si512(limits + i));
        _mm512_storeu_si512(out + i, gene);
    }
    if (i == width) return;
    const std::size_t left = width - i;
    const __mmask64 part = ~std::uint64_t{0} >> (64 - left);
    std::uint64_t swapped = bits[i / 32] & crossed;
    if (left > 32) swapped |= std::uint64_t{bits[i / 32 + 1] & crossed} << 32;
    const __m512i a = _mm512_maskz_loadu_epi8(part, first + i);
    __m512i gene = _mm512_mask_loadu_epi8(a, swapped & part, second + i);
    if (limits != nullptr) gene = _mm512_min_epu8(gene, _mm512_maskz_loadu_epi8(part, limits + i));
    _mm512_mask_storeu_epi8(out + i, part, gene);
}

CAMBRIAN_AVX512 inline void genome_avx512(const std::uint16_t* first, const std::uint16_t* second,
                                          const std::uint32_t* bits, std::uint32_t crossed,
                                          const std::uint16_t* limits, std::size_t width,
                                          std::uint16_t* out) {
    std::size_t i = 0;
    for (; i + 32 <= width; i += 32) {
        __m512i gene = _mm512_mask_blend_epi16(bits[i / 32] & crossed, _mm512_loadu_si512(first + i),
                                               _mm512_loadu_si512(second + i));
        if (limits != nullptr) gene = _mm512_min_epu16(gene, _mm512_loadu_si512(limits + i));
        _mm512_storeu_si512(out + i, gene);
    }
    if (i == width) return;
    const __mmask32 part = ~std::uint32_t{0} >> (32 - (width - i));
    const __m512i a = _mm512_maskz_loadu_epi16(part, first + i);
    __m512i gene = _mm512_mask_loadu_epi16(a, bits[i / 32] & crossed & part, second + i);
    if (limits != nullptr) gene = _mm512_min_epu16(gene, _mm512_maskz_loadu_epi16(part, limits + i));
    _mm512_mask_storeu_epi16(out + i, part, gene);
}

CAMBRIAN_AVX512 inline __m512i pick(std::uint64_t bits, const std::uint8_t* first, const std::uint8_t* second,
                                    __m512i limits) {
    const __m512i a = _mm512_loadu_si512(first), b = _mm512_loadu_si512(second);
    return _mm512_min_epu8(_mm512_mask_blend_epi8(bits, a, b), limits);
}
CAMBRIAN_AVX512 inline __m512i pick(std::uint32_t bits, const std::uint16_t* first,
                                    const std::uint16_t* second, __m512i limits) {
    const __m512i a = _mm512_loadu_si512(first), b = _mm512_loadu_si512(second);
    return _mm512_min_epu16(_mm512_mask_blend_epi16(bits, a, b), limits);
}

// Genomes of one vector each: what is the same for all of them is looked at once.
template <class T>
CAMBRIAN_AVX512 void blend_lines(const BlendRows<T>& work, const std::uint16_t* rows, std::size_t count) {
    using Bits = std::conditional_t<sizeof(T) == 1, std::uint64_t, std::uint32_t>;
    const __m512i limits = work.limits == nullptr ? _mm512_set1_epi8(-1) : _mm512_loadu_si512(work.limits);
    const T *const *const first = work.first, *const *const second = work.second;
    const std::uint32_t *const words = work.bits, *const crossed = work.crossed;
    const std::size_t stride = work.stride;
    T* const out = work.out;
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t row = rows[i];
        Bits bits;
        std::memcpy(&bits, words + row * stride, sizeof(Bits));
        if (crossed != nullptr) bits &= static_cast<Bits>(static_cast<std::int32_t>(crossed[row]));
        _mm512_storeu_si512(out + row * (64 / sizeof(T)), pick(bits, first[row], second[row], limits));
    }
}
#endif

#define CAMBRIAN_EACH_ROW(genome)                                                                      \
    for (std::size_t i = 0; i < count; ++i) {                                                          \
        const std::size_t row = rows[i];                                                               \
        const std::uint32_t crossed = work.crossed == nullptr ? ~0U : work.crossed[row];               \
        genome(work.first[row], work.second[row], work.bits + row * work.stride, crossed, work.limits, \
               work.width, work.out + row * work.width);                                               \
    }

// By value: what is written to `out` could otherwise be the work itself.
template <class T>
void blend_scalar(BlendRows<T> work, const std::uint16_t* rows, std::size_t count) {
    CAMBRIAN_EACH_ROW(genome_scalar)
}
#ifdef CAMBRIAN_X86
template <class T>
CAMBRIAN_AVX2 void blend_avx2(BlendRows<T> work, const std::uint16_t* rows, std::size_t count) {
    CAMBRIAN_EACH_ROW(genome_avx2)
}
template <class T>
CAMBRIAN_AVX512 void blend_avx512(BlendRows<T> work, const std::uint16_t* rows, std::size_t count) {
    if (sizeof(T) * work.width == 64) return blend_lines(work, rows, count);
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
