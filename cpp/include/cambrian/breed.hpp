// One generation in one pass: parents are chosen, gathered, crossed and mutated, and children written once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "cambrian/crossover.hpp"
#include "cambrian/layout.hpp"
#include "cambrian/mutation.hpp"
#include "cambrian/parallel.hpp"
#include "cambrian/rng.hpp"
#include "cambrian/selection.hpp"

namespace cambrian {

struct Operators {
    Tournament selection;
    Crossover crossover;
    std::vector<Mutation> mutations;
};

// Child i is what `tournament` (winners 2i and 2i + 1), `crossover` and `mutate` give for row i one after the
// other. `out` must not overlap `parents`.
template <class T>
void breed(const Layout& layout, const T* parents, const double* key, std::uint32_t population, std::size_t n,
           const Operators& operators, const Source& source, const Threads& threads, T* out);

}  // namespace cambrian
