// Sets of genes as bits of 32-bit words, lowest first.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "cambrian/rng.hpp"

namespace cambrian {

inline std::size_t bit_words(std::size_t bits) {
    return (bits + 31) / 32;
}

// 32 bits, each set with the chance's probability: the bits of the probability are compared, from the highest
// on, with random ones of all 32 at once, until all are told apart. Even odds take one word, others about
// seven.
template <class Words>
std::uint32_t bits_of(const Chance& chance, Words& words) {
    if (chance.threshold >> 32 != 0) return ~std::uint32_t{0};
    std::uint32_t below = 0, equal = ~std::uint32_t{0};
    for (auto left = static_cast<std::uint32_t>(chance.threshold); left != 0 && equal != 0; left <<= 1) {
        const std::uint32_t word = words.word();
        const bool one = left >> 31 != 0;
        if (one) below |= equal & ~word;
        equal &= one ? word : ~word;
    }
    return below;
}

template <class Words>
void fill_bits(const Chance& chance, std::size_t count, Words& words, std::uint32_t* bits) {
    for (std::size_t i = 0; i < bit_words(count); ++i) bits[i] = bits_of(chance, words);
}

inline bool has_bit(const std::uint32_t* bits, std::size_t i) {
    return ((bits[i / 32] >> i % 32) & 1) != 0;
}
inline void set_bit(std::uint32_t* bits, std::size_t i) {
    bits[i / 32] |= std::uint32_t{1} << i % 32;
}

// Each bit becomes the parity of itself and all before it.
inline void add_up_parity(std::uint32_t* bits, std::size_t words) {
    std::uint32_t before = 0;
    for (std::size_t i = 0; i < words; ++i) {
        std::uint32_t x = bits[i];
        for (int shift = 1; shift < 32; shift *= 2) x ^= x << shift;
        bits[i] = x ^ before;
        before = 0 - (bits[i] >> 31);
    }
}

}  // namespace cambrian
