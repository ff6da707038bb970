// A random order of 0 … n - 1 of which any place can be asked for alone, without a table.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "cambrian/rng.hpp"

namespace cambrian {

// A Feistel network on pairs of numbers below a and below b, a * b being the least such product not below n,
// with cycle walking (Black and Rogaway, "Ciphers with Arbitrary Finite Domains", 2002).
class Shuffle {
  public:
    static constexpr std::size_t kRounds = 6;
    static constexpr std::size_t kMost = 256;

    // n: 1 … 2**32. One key a round from the stream.
    Shuffle(std::uint64_t n, Stream stream);

    // What comes at the places first … first + count - 1, at most kMost of them, all below n.
    void of(std::uint32_t first, std::size_t count, std::uint32_t* out) const;

  private:
    std::uint64_t n_;
    std::uint32_t a_, b_;
    std::array<std::uint32_t, kRounds> keys_;
};

}  // namespace cambrian
