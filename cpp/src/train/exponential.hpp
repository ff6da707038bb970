// exp and what is made of it, without branches: loops over them are vectorised.
#pragma once

#include <bit>
#include <cstdint>

#include "../vector.hpp"

namespace cambrian::train {

// To 2 ulp, for x cut to ±87, which keeps results and their reciprocals normal. NaN stays NaN.
CAMBRIAN_INLINE float exponential(float x) {
    constexpr float kRounder = 0x1.8p23f;  // adding it leaves the whole part in the lowest bits
    x = x > 87.0f ? 87.0f : x;
    x = x < -87.0f ? -87.0f : x;
    const float rounded = x * 1.44269504f + kRounder, whole = rounded - kRounder;
    const float rest = (x - whole * 0.693359375f) + whole * 2.12194440e-4f;  // log(2) in two parts
    // Of degree 6, least relative error on ±log(2) / 2 (Cephes).
    float p = 1.9875691500e-4f * rest + 1.3981999507e-3f;
    p = p * rest + 8.3334519073e-3f;
    p = p * rest + 4.1665795894e-2f;
    p = p * rest + 1.6666665459e-1f;
    p = p * rest + 5.0000001201e-1f;
    p = (p * rest) * rest + rest + 1.0f;
    const std::uint32_t power = (std::bit_cast<std::uint32_t>(rounded) + 127u) << 23;
    return p * std::bit_cast<float>(power);
}

}  // namespace cambrian::train
