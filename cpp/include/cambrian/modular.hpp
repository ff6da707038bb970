// Arithmetic modulo the Mersenne prime 2^61 - 1, in which keys and digests are polynomials.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cambrian/mix.hpp"

namespace cambrian {

inline constexpr std::uint64_t kPrime = (std::uint64_t{1} << 61) - 1;

// Of any 64-bit number.
inline constexpr std::uint64_t reduced(std::uint64_t x) {
    x = (x & kPrime) + (x >> 61);
    return x >= kPrime ? x - kPrime : x;
}

// Of reduced numbers, as the next two.
inline constexpr std::uint64_t add_mod(std::uint64_t a, std::uint64_t b) {
    const std::uint64_t sum = a + b;
    return sum >= kPrime ? sum - kPrime : sum;
}

inline constexpr std::uint64_t sub_mod(std::uint64_t a, std::uint64_t b) {
    return a >= b ? a - b : a + kPrime - b;
}

inline std::uint64_t mul_mod(std::uint64_t a, std::uint64_t b) {
    const Product product = multiply(a, b);
    const std::uint64_t sum = (product.low & kPrime) + (product.low >> 61 | product.high << 3);
    return sum >= kPrime ? sum - kPrime : sum;
}

// Two numbers modulo the prime: what is computed twice, so that equality by chance is out of the question.
struct Lanes {
    std::uint64_t low = 0, high = 0;

    Lanes& operator+=(const Lanes& other) {
        low = add_mod(low, other.low);
        high = add_mod(high, other.high);
        return *this;
    }
    friend Lanes operator*(const Lanes& a, const Lanes& b) {
        return {mul_mod(a.low, b.low), mul_mod(a.high, b.high)};
    }
    bool operator==(const Lanes&) const = default;
};

// Powers of the two bases; grows to what was asked for.
class Powers {
  public:
    const Lanes* reach(std::size_t exponent) {
        while (powers_.size() <= exponent) powers_.push_back(powers_.back() * kBase);
        return powers_.data();
    }

  private:
    static constexpr Lanes kBase{0x1D8E'4E27'C47D'124F, 0x0EB4'4ACC'AB45'5D16};
    std::vector<Lanes> powers_{Lanes{1, 1}};
};

}  // namespace cambrian
