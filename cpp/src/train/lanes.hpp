// Vectors of floats for four instruction sets, under the same names in a namespace each: kLanes, Vec, Mask,
// some(count): the mask of the first lanes, load, load_some (zeros elsewhere), store, store_some, splat,
// fma (x · y + z). A file that is written once in these names is included once for each (`*_tile.hpp`).
#pragma once

#include <cstddef>

#include "../vector.hpp"

namespace cambrian::train {

#ifdef CAMBRIAN_X86
#define CAMBRIAN_FMA __attribute__((target("avx2,fma")))
#define CAMBRIAN_FMA512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma")))

namespace lanes512 {

constexpr int kLanes = 16;
using Vec = __m512;
using Mask = __mmask16;

CAMBRIAN_FMA512 CAMBRIAN_INLINE Mask some(int count) {
    return static_cast<Mask>((1u << count) - 1u);
}
CAMBRIAN_FMA512 CAMBRIAN_INLINE Vec load(const float* x) {
    return _mm512_loadu_ps(x);
}
CAMBRIAN_FMA512 CAMBRIAN_INLINE Vec load_some(Mask mask, const float* x) {
    return _mm512_maskz_loadu_ps(mask, x);
}
CAMBRIAN_FMA512 CAMBRIAN_INLINE void store(float* x, Vec value) {
    _mm512_storeu_ps(x, value);
}
CAMBRIAN_FMA512 CAMBRIAN_INLINE void store_some(Mask mask, float* x, Vec value) {
    _mm512_mask_storeu_ps(x, mask, value);
}
CAMBRIAN_FMA512 CAMBRIAN_INLINE Vec splat(float x) {
    return _mm512_set1_ps(x);
}
CAMBRIAN_FMA512 CAMBRIAN_INLINE Vec fma(Vec x, Vec y, Vec z) {
    return _mm512_fmadd_ps(x, y, z);
}

}  // namespace lanes512

namespace lanes256 {  // with the masks and the 32 registers of AVX-512

constexpr int kLanes = 8;
using Vec = __m256;
using Mask = __mmask8;

CAMBRIAN_FMA512 CAMBRIAN_INLINE Mask some(int count) {
    return static_cast<Mask>((1u << count) - 1u);
}
CAMBRIAN_FMA512 CAMBRIAN_INLINE Vec load(const float* x) {
    return _mm256_loadu_ps(x);
}
CAMBRIAN_FMA512 CAMBRIAN_INLINE Vec load_some(Mask mask, const float* x) {
    return _mm256_maskz_loadu_ps(mask, x);
}
CAMBRIAN_FMA512 CAMBRIAN_INLINE void store(float* x, Vec value) {
    _mm256_storeu_ps(x, value);
}
CAMBRIAN_FMA512 CAMBRIAN_INLINE void store_some(Mask mask, float* x, Vec value) {
    _mm256_mask_storeu_ps(x, mask, value);
}
CAMBRIAN_FMA512 CAMBRIAN_INLINE Vec splat(float x) {
    return _mm256_set1_ps(x);
}
CAMBRIAN_FMA512 CAMBRIAN_INLINE Vec fma(Vec x, Vec y, Vec z) {
    return _mm256_fmadd_ps(x, y, z);
}

}  // namespace lanes256

namespace lanes2 {  // AVX2

constexpr int kLanes = 8;
using Vec = __m256;
using Mask = __m256i;

CAMBRIAN_FMA CAMBRIAN_INLINE Mask some(int count) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
CAMBRIAN_FMA CAMBRIAN_INLINE Vec load(const float* x) {
    return _mm256_loadu_ps(x);
}
CAMBRIAN_FMA CAMBRIAN_INLINE Vec load_some(Mask mask, const float* x) {
    return _mm256_maskload_ps(x, mask);
}
CAMBRIAN_FMA CAMBRIAN_INLINE void store(float* x, Vec value) {
    _mm256_storeu_ps(x, value);
}
CAMBRIAN_FMA CAMBRIAN_INLINE void store_some(Mask mask, float* x, Vec value) {
    _mm256_maskstore_ps(x, mask, value);
}
CAMBRIAN_FMA CAMBRIAN_INLINE Vec splat(float x) {
    return _mm256_set1_ps(x);
}
CAMBRIAN_FMA CAMBRIAN_INLINE Vec fma(Vec x, Vec y, Vec z) {
    return _mm256_fmadd_ps(x, y, z);
}

}  // namespace lanes2
#endif

namespace lanes1 {  // any CPU and compiler; four lanes are a vector of SSE or NEON

constexpr int kLanes = 4;
struct Vec {
    float lane[kLanes];
};
using Mask = int;

CAMBRIAN_INLINE Mask some(int count) {
    return count;
}
CAMBRIAN_INLINE Vec load(const float* x) {
    return {{x[0], x[1], x[2], x[3]}};
}
CAMBRIAN_INLINE Vec load_some(Mask mask, const float* x) {
    Vec value{};
    for (int i = 0; i < mask; ++i) value.lane[i] = x[i];
    return value;
}
CAMBRIAN_INLINE void store_some(Mask mask, float* x, Vec value) {
    for (int i = 0; i < mask; ++i) x[i] = value.lane[i];
}
CAMBRIAN_INLINE void store(float* x, Vec value) {
    store_some(kLanes, x, value);
}
CAMBRIAN_INLINE Vec splat(float x) {
    return {{x, x, x, x}};
}
CAMBRIAN_INLINE Vec fma(Vec x, Vec y, Vec z) {
    for (int i = 0; i < kLanes; ++i) z.lane[i] += x.lane[i] * y.lane[i];
    return z;
}

}  // namespace lanes1

// Loops in plain C++ that the compiler vectorises: choose_name() gives a pointer to the version of the
// CAMBRIAN_INLINE function `name` for this CPU. Versions may round differently.
#ifdef CAMBRIAN_X86
#define CAMBRIAN_KERNEL(result, name, parameters, arguments)         \
    result name##_scalar parameters {                                \
        return name arguments;                                       \
    }                                                                \
    CAMBRIAN_FMA result name##_avx2 parameters {                     \
        return name arguments;                                       \
    }                                                                \
    CAMBRIAN_FMA512 result name##_avx512 parameters {                \
        return name arguments;                                       \
    }                                                                \
    auto choose_##name() {                                           \
        if (level() == Simd::kAvx512) return name##_avx512;          \
        return level() == Simd::kAvx2 ? name##_avx2 : name##_scalar; \
    }
#else
#define CAMBRIAN_KERNEL(result, name, parameters, arguments) \
    result name##_scalar parameters {                        \
        return name arguments;                               \
    }                                                        \
    auto choose_##name() {                                   \
        return name##_scalar;                                \
    }
#endif

// Before a loop: CAMBRIAN_SEPARATE if its results may be one of its operands but reach into no other step;
// CAMBRIAN_SUM(a, b) if it adds to these variables, in any order.
#ifdef __GNUC__
#define CAMBRIAN_PRAGMA(...) _Pragma(#__VA_ARGS__)
#define CAMBRIAN_SEPARATE CAMBRIAN_PRAGMA(omp simd)
#define CAMBRIAN_SUM(...) CAMBRIAN_PRAGMA(omp simd reduction(+ : __VA_ARGS__))
#else
#define CAMBRIAN_SEPARATE
#define CAMBRIAN_SUM(...)
#endif

// AVX2 without FMA, which no CPU but a few of VIA's is, counts as scalar here.
inline Simd level() {
#ifdef CAMBRIAN_X86
    if (simd() == Simd::kAvx2 && !__builtin_cpu_supports("fma")) return Simd::kScalar;
#endif
    return simd();
}

}  // namespace cambrian::train
