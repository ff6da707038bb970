// Genes of two genomes, picked by bits.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cambrian {

// out[i] = second[i] where bit i % 32 of bits[i / 32] is set, else first[i].
template <class T>
using Blend = void (*)(const T* first, const T* second, const std::uint32_t* bits, std::size_t width, T* out);

// The version for this CPU.
template <class T>
Blend<T> choose_blend();

}  // namespace cambrian
