// How one function is compiled for several vector instruction sets, of which one is chosen at run time.
#pragma once

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
