#include "cambrian/simd.hpp"

#include <cstdlib>
#include <stdexcept>
#include <string>

namespace cambrian {
namespace {

Simd widest() {
#if defined(__x86_64__) && defined(__GNUC__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")) {
        return Simd::kAvx512;
    }
    if (__builtin_cpu_supports("avx2")) return Simd::kAvx2;
#endif
    return Simd::kScalar;
}

Simd choose() {
    const Simd best = widest();
    const char* asked = std::getenv("CAMBRIAN_SIMD");
    if (asked == nullptr || *asked == '\0') return best;
    for (const Simd level : {Simd::kScalar, Simd::kAvx2, Simd::kAvx512}) {
        if (std::string(asked) != simd_name(level)) continue;
        if (level <= best) return level;
        throw std::invalid_argument("CAMBRIAN_SIMD=" + std::string(asked) + ": this CPU has only " +
                                    simd_name(best));
    }
    throw std::invalid_argument("CAMBRIAN_SIMD=" + std::string(asked) + ": expected scalar, avx2 or avx512");
}

}  // namespace

Simd simd() {
    static const Simd level = choose();
    return level;
}

const char* simd_name(Simd level) {
    switch (level) {
        case Simd::kAvx2:
            return "avx2";
        case Simd::kAvx512:
            return "avx512";
        default:
            return "scalar";
    }
}

}  // namespace cambrian
