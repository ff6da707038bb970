// How one function is compiled for several vector instruction sets, of which one is chosen at run time.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cambrian/simd.hpp"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define CAMBRIAN_X86
#define CAMBRIAN_AVX2 __attribute__((target("avx2")))
#define CAMBRIAN_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx2")))
#ifndef __clang__
// GCC 12 takes the deliberately undefined operand inside its own intrinsics for a mistake (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#endif

#ifdef __GNUC__
#define CAMBRIAN_INLINE inline __attribute__((always_inline))
#else
#define CAMBRIAN_INLINE inline
#endif

#ifdef CAMBRIAN_X86
// table[at[0]] … table[at[15]], by a load each: the instruction that gathers takes twice as long on Zen 4,
// and no less time on CPUs that must keep it from leaking (Downfall).
CAMBRIAN_AVX512 inline __m512i gather(const std::uint32_t* table, const std::uint32_t* at) {
    const auto load = [&](std::size_t i) { return static_cast<int>(table[at[i]]); };
    const auto four = [&](std::size_t i) {
        return _mm_setr_epi32(load(i), load(i + 1), load(i + 2), load(i + 3));
    };
    const __m256i low = _mm256_setr_m128i(four(0), four(4)), high = _mm256_setr_m128i(four(8), four(12));
    return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}
#endif

// For `result name parameters`, a CAMBRIAN_INLINE function in plain C++: choose_name() gives a pointer to the
// version for this CPU. All versions must give the same bits: nothing that a library or the order of a sum
// decides.
#ifdef CAMBRIAN_X86
#define CAMBRIAN_VERSIONS(result, name, parameters, arguments)      \
    result name##_scalar parameters {                               \
        return name arguments;                                      \
    }                                                               \
    CAMBRIAN_AVX2 result name##_avx2 parameters {                   \
        return name arguments;                                      \
    }                                                               \
    CAMBRIAN_AVX512 result name##_avx512 parameters {               \
        return name arguments;                                      \
    }                                                               \
    auto choose_##name() {                                          \
        if (simd() == Simd::kAvx512) return name##_avx512;          \
        return simd() == Simd::kAvx2 ? name##_avx2 : name##_scalar; \
    }
#else
#define CAMBRIAN_VERSIONS(result, name, parameters, arguments) \
    result name##_scalar parameters {                          \
        return name arguments;                                 \
    }                                                          \
    auto choose_##name() {                                     \
        return name##_scalar;                                  \
    }
#endif
