// 64-bit keys of genomes, and sets of them in a caller's table.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cambrian/layout.hpp"

namespace cambrian {

// Writes n keys, never 0, equal for genomes of equal normal form: multilinear hashing modulo 2^64, whose sum
// is scrambled (the finaliser of splitmix64: Steele, Lea and Flood, OOPSLA 2014).
void genome_keys(const Layout& layout, const std::uint8_t* genomes, std::size_t n, std::uint64_t* keys);
void genome_keys(const Layout& layout, const std::uint16_t* genomes, std::size_t n, std::uint64_t* keys);

// A set of keys: open addressing with linear probing in `size` words, a power of two, 0 where there is none.
struct KeyTable {
    std::uint64_t* words;
    std::size_t size;
};

// Adds what is not in the set, and says which of the n keys that were: 1 for each, at its first place. Throws
// std::length_error where no word is free any more; the keys before that are in.
void add_keys(const KeyTable& table, const std::uint64_t* keys, std::size_t n, std::uint8_t* added);

// What add_keys would say, the set left as it is.
void absent_keys(const KeyTable& table, const std::uint64_t* keys, std::size_t n, std::uint8_t* absent);

}  // namespace cambrian
