// Functions of real numbers whose results are the same bits with every compiler and on every CPU that follows
// IEEE 754: made of + - * / and square root of doubles, of bit operations and tables, and never of libm.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cambrian {

// e^x to 1 unit in the last place; +inf from 709.79 on, 0 below -745.14, NaN for NaN.
double portable_exp(double x);

// The natural logarithm to 1 unit in the last place; -inf for 0 and -0, NaN for less and for NaN.
double portable_log(double x);

// base^exponent to 1 unit in the last place, for base >= 0. As C's pow (0^0 is 1), but NaN where either is
// NaN or base is below 0.
double portable_pow(double base, double exponent);

// The standard normal's quantile to a relative 1e-15 or so (Wichura, "Algorithm AS 241: The Percentage Points
// of the Normal Distribution", Applied Statistics 37, 1988: PPND16). -inf for 0, +inf for 1, NaN outside.
double normal_quantile(double p);

// Of `count` numbers at once, which are replaced: the same as one by one, and faster.
void portable_exps(double* x, std::size_t count);
void normal_quantiles(double* p, std::size_t count);

// The middle of the word's share of (0, 1): never 0 or 1, exact, and uniform if the word is.
inline double uniform_open(std::uint32_t word) {
    return (static_cast<double>(word) + 0.5) * 0x1p-32;
}
inline double uniform_open(std::uint32_t high, std::uint32_t low) {
    const std::uint64_t bits = (std::uint64_t{high} << 20) | (low >> 12);
    return (static_cast<double>(bits) + 0.5) * 0x1p-52;
}

}  // namespace cambrian
