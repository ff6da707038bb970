// Binomial and uniform numbers.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cambrian/real.hpp"
#include "cambrian/rng.hpp"

namespace cambrian {

inline double uniform(Words& words) {
    const std::uint32_t high = words.word();
    return uniform_open(high, words.word());
}

// What a uniform u becomes by the binomial distribution of n trials with probability `rate` below 1, given
// how likely it is that none comes to pass.
inline std::size_t binomial(std::size_t n, double rate, double none, double u) {
    const double odds = rate / (1.0 - rate);
    double exactly = none;
    std::size_t count = 0;
    for (; u >= exactly && count < n; ++count) {
        u -= exactly;
        exactly *= odds * static_cast<double>(n - count) / static_cast<double>(count + 1);
    }
    return count;
}

}  // namespace cambrian
