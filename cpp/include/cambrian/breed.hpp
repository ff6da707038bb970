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
    Selection selection;
    Crossover crossover;
    std::vector<Mutation> mutations;
};

template <class T>
struct Parents {
    const T* genomes;
    const double* key;  // lower is better, NaN loses to everything
    std::uint32_t count;
    const double* rates = nullptr;  // each one's own, where an operator asks for it
};

// Must not overlap the parents.
template <class T>
struct Children {
    T* genomes;
    std::size_t count;
    double* rates = nullptr;          // (count,): what became of the first parent's rate
    std::int64_t* parents = nullptr;  // (count, 2): which they are; the second -1 where there is none
};

// Child i is what `select` (winners 2i and 2i + 1, or i where the crossover needs no second parent),
// `crossover` and `mutate` give for row i one after the other. Returns the first parent that holds a value
// beyond a gene's options, whether it was chosen or not, else their number: that value counted as the last
// option.
template <class T>
std::size_t breed(const Layout& layout, const Parents<T>& parents, const Operators& operators,
                  const Source& source, const Threads& threads, const Children<T>& children);

}  // namespace cambrian
