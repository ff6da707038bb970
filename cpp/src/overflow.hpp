// Arithmetic that refuses to leave int64.
#pragma once

#include <cstdint>
#include <limits>
#include <stdexcept>

namespace cambrian {

[[noreturn]] inline void overflow() {
    throw std::invalid_argument("a number leaves 64 bits");
}

inline std::int64_t checked_add(std::int64_t a, std::int64_t b) {
#if defined(__GNUC__)
    std::int64_t result;
    if (__builtin_add_overflow(a, b, &result)) overflow();
    return result;
#else
    using Limits = std::numeric_limits<std::int64_t>;
    if (b > 0 ? a > Limits::max() - b : a < Limits::min() - b) overflow();
    return a + b;
#endif
}

inline std::int64_t checked_sub(std::int64_t a, std::int64_t b) {
#if defined(__GNUC__)
    std::int64_t result;
    if (__builtin_sub_overflow(a, b, &result)) overflow();
    return result;
#else
    using Limits = std::numeric_limits<std::int64_t>;
    if (b > 0 ? a < Limits::min() + b : a > Limits::max() + b) overflow();
    return a - b;
#endif
}

inline std::int64_t checked_mul(std::int64_t a, std::int64_t b) {
#if defined(__GNUC__)
    std::int64_t result;
    if (__builtin_mul_overflow(a, b, &result)) overflow();
    return result;
#else
    using Limits = std::numeric_limits<std::int64_t>;
    if (a != 0 && b != 0) {
        if ((a == -1 && b == Limits::min()) || (b == -1 && a == Limits::min())) overflow();
        if (a != -1 && b != -1) {
            if (a > 0 ? (b > 0 ? a > Limits::max() / b : b < Limits::min() / a)
                      : (b > 0 ? a < Limits::min() / b : b < Limits::max() / a)) {
                overflow();
            }
        }
    }
    return a * b;
#endif
}

}  // namespace cambrian
