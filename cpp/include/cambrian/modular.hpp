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

// A sum of products of reduced numbers, which is reduced now and then only.
class ProductSum {
  public:
    static constexpr int kMost = 32;  // products between two reductions, if one factor may reach 2^62

    void add(std::uint64_t a, std::uint64_t b) {
#if defined(__SIZEOF_INT128__)
        __extension__ using Wide = unsigned __int128;
        const Wide sum = (static_cast<Wide>(high_) << 64 | low_) + static_cast<Wide>(a) * b;
        low_ = static_cast<std::uint64_t>(sum);
        high_ = static_cast<std::uint64_t>(sum >> 64);
#else
        low_ = add_mod(low_, mul_mod(reduced(a), b));
#endif
    }
    // 2^61 is 1, and so 2^64 is 8.
    std::uint64_t value() const {
        return add_mod(reduced(low_), add_mod(reduced(high_ << 3 & kPrime), high_ >> 58));
    }
    void reduce() {
        low_ = value();
        high_ = 0;
    }

  private:
    std::uint64_t low_ = 0, high_ = 0;
};

// The same of lanes.
class LanesSum {
  public:
    void add(const Lanes& a, const Lanes& factor) {
        low_.add(a.low, factor.low);
        high_.add(a.high, factor.high);
        if (++terms_ == ProductSum::kMost - 1) reduce();
    }
    // (a + b) * factor
    void add(const Lanes& a, const Lanes& b, const Lanes& factor) {
        add({a.low + b.low, a.high + b.high}, factor);
    }
    Lanes value() const { return {low_.value(), high_.value()}; }

  private:
    void reduce() {
        low_.reduce();
        high_.reduce();
        terms_ = 0;
    }

    ProductSum low_, high_;
    int terms_ = 0;
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
