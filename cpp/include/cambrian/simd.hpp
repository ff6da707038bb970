// Which vector instructions this process uses. Results never depend on it.
#pragma once

namespace cambrian {

enum class Simd { kScalar, kAvx2, kAvx512 };

// The widest that the CPU has, or what the environment variable CAMBRIAN_SIMD asks for (scalar, avx2,
// avx512). Throws std::invalid_argument if that is not one of these, or the CPU lacks it.
Simd simd();
const char* simd_name(Simd level);

}  // namespace cambrian
