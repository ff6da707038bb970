// Uniform genomes.
#pragma once

#include <cstddef>

#include "cambrian/layout.hpp"
#include "cambrian/parallel.hpp"
#include "cambrian/rng.hpp"

namespace cambrian {

// Draws every column of n genomes, those that turn out inactive too, so that crossover and conditions that
// change later find a value there. Row i depends on the source and i only.
template <class T>
void sample(const Layout& layout, std::size_t n, const Source& source, const Threads& threads, T* out);

}  // namespace cambrian
