// Genes of two genomes, picked by bits.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cambrian {

// Rows of two sets of genomes of `width` genes.
template <class T>
struct BlendRows {
    const T* const* first;
    const T* const* second;
    const std::uint32_t* bits;  // of row r from bits[r * stride] on
    std::size_t stride;
    std::size_t width;
    T* out;                                  // row r from out[r * width] on
    const std::uint32_t* crossed = nullptr;  // of row r: 0 where all of it comes from `first`, else all bits
    const T* limits = nullptr;               // the largest values; none: they aren't looked at
};

// Gene i of each row of `rows` comes from the second genome where bit i % 32 of bits[i / 32] is set, else
// from the first.
template <class T>
using Blend = void (*)(BlendRows<T> work, const std::uint16_t* rows, std::size_t count);

// The version for this CPU.
template <class T>
Blend<T> choose_blend();

}  // namespace cambrian
