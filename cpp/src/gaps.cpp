#include "cambrian/gaps.hpp"

#include <vector>

#include "vector.hpp"

namespace cambrian {
namespace {

constexpr std::uint64_t kColumn = std::uint64_t{1} << 24;  // what each of the 256 columns holds

std::size_t sixteen_scalar(const std::uint32_t* words, const std::uint32_t* table, std::size_t& at,
                           std::uint32_t* hits) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < 16; ++i) {
        const std::uint32_t gap = Gaps::gap_of(words[i], table), hit = gap < Gaps::kMore ? 1 : 0;
        hits[count] = static_cast<std::uint32_t>(at) + gap;
        count += hit;
        at += gap + hit;
    }
    return count;
}

#ifdef CAMBRIAN_X86
CAMBRIAN_AVX512 std::size_t sixteen_avx512(const std::uint32_t* words, const std::uint32_t* table,
                                           std::size_t& at, std::uint32_t* hits) {
    const __m512i low = _mm512_set1_epi32(0xFF), one = _mm512_set1_epi32(1), zero = _mm512_setzero_si512();
    const __m512i word = _mm512_loadu_si512(words), j = _mm512_and_si512(word, low);
    alignas(64) std::uint32_t at_entry[16];
    _mm512_store_si512(at_entry, j);
    const __m512i entry = gather(table, at_entry);
    const __mmask16 keep = _mm512_cmplt_epu32_mask(_mm512_srli_epi32(word, 8), _mm512_srli_epi32(entry, 8));
    const __m512i gap = _mm512_mask_mov_epi32(_mm512_and_si512(entry, low), keep, j);
    const __mmask16 hit = _mm512_cmpneq_epu32_mask(gap, low);
    __m512i sum = _mm512_mask_add_epi32(gap, hit, gap, one);  // of all up to each
    sum = _mm512_add_epi32(sum, _mm512_alignr_epi32(sum, zero, 15));
    sum = _mm512_add_epi32(sum, _mm512_alignr_epi32(sum, zero, 14));
    sum = _mm512_add_epi32(sum, _mm512_alignr_epi32(sum, zero, 12));
    sum = _mm512_add_epi32(sum, _mm512_alignr_epi32(sum, zero, 8));
    const __m512i place =
        _mm512_add_epi32(_mm512_sub_epi32(sum, one), _mm512_set1_epi32(static_cast<int>(at)));
    _mm512_storeu_si512(hits, _mm512_maskz_compress_epi32(hit, place));
    at += static_cast<std::uint32_t>(_mm_extract_epi32(_mm512_extracti32x4_epi32(sum, 3), 3));
    return static_cast<std::size_t>(__builtin_popcount(hit));
}
#endif

Gaps::Sixteen choose_sixteen() {
#ifdef CAMBRIAN_X86
    if (simd() == Simd::kAvx512) return sixteen_avx512;
#endif
    return sixteen_scalar;
}

}  // namespace

Gaps::Gaps(double rate) {
    // Only products and one rounding each: the same integers on every machine, and 2**32 in all.
    std::array<std::uint64_t, kMore + 1> weight{};
    double tail = 1.0;
    std::uint64_t left = std::uint64_t{1} << 32;
    for (std::size_t j = 0; j < kMore; ++j) {
        tail *= 1.0 - rate;
        const auto after = static_cast<std::uint64_t>(tail * 4294967296.0 + 0.5);
        weight[j] = left - after;
        left = after;
    }
    weight[kMore] = left;

    const auto put = [&](std::size_t j, std::uint64_t keep, std::size_t other) {
        table_[j] = static_cast<std::uint32_t>(keep << 8 | other);
    };
    std::vector<std::size_t> small, large;
    for (std::size_t j = 0; j <= kMore; ++j) {
        (weight[j] < kColumn ? small : large).push_back(j);
    }
    while (!small.empty()) {
        const std::size_t poor = small.back(), rich = large.back();
        small.pop_back();
        put(poor, weight[poor], rich);
        weight[rich] -= kColumn - weight[poor];
        if (weight[rich] >= kColumn) continue;
        large.pop_back();
        small.push_back(rich);
    }
    for (const std::size_t j : large) put(j, 0, j);
}

std::size_t Gaps::find(Words& words, std::size_t total, std::vector<std::uint32_t>& out) const {
    static const Sixteen sixteen = choose_sixteen();
    std::size_t count = 0;
    for (std::size_t at = 0; at < total;) {
        if (out.size() < count + 16) out.resize(2 * count + 256);
        count += sixteen(words.some<16>(), table_.data(), at, out.data() + count);
    }
    while (count > 0 && out[count - 1] >= total) --count;
    return count;
}

}  // namespace cambrian
