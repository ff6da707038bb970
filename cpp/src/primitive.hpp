// What the files of primitives share.
#pragma once

#include <cstdint>
#include <numeric>
#include <string>

#include "cambrian/graph.hpp"

namespace cambrian {

[[noreturn]] void fail(Op op, const std::string& why);
[[noreturn]] void fail_attr(Op op, std::size_t index, std::int64_t value, std::int64_t low,
                            std::int64_t high);

inline std::int32_t attr(Op op, std::size_t index, std::int64_t value, std::int64_t low,
                         std::int64_t high = kMaxDim) {
    if (value < low || value > high) fail_attr(op, index, value, low, high);
    return static_cast<std::int32_t>(value);
}

inline std::int32_t word(Op op, std::int64_t value) {
    return attr(op, info(op).kind, value, 0, static_cast<std::int64_t>(info(op).kinds.size()) - 1);
}

inline std::int32_t ceil_div(std::int32_t a, std::int32_t b) {
    return b == 1 ? a : static_cast<std::int32_t>((std::int64_t{a} + b - 1) / b);
}

inline std::int32_t odd_floor(std::int64_t value) {
    return static_cast<std::int32_t>(value - 1 + value % 2);
}

// The largest divisor that is at most `limit`, which is at least 1.
std::int32_t largest_divisor(std::int32_t of, std::int32_t limit);

// The same of two numbers.
inline std::int32_t common_divisor(std::int32_t a, std::int32_t b, std::int32_t limit) {
    if (limit == 1 || (a % limit == 0 && b % limit == 0)) return limit;
    return largest_divisor(std::gcd(a, b), limit);
}

}  // namespace cambrian
