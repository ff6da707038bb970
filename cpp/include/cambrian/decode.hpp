// Whole populations: hashes and resources of each genome, the same for any number of threads.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cambrian/layout.hpp"
#include "cambrian/parallel.hpp"
#include "cambrian/resources.hpp"

namespace cambrian {

// Where results go: one row a genome; null pointers are left out. Resources need a space with templates.
struct Decoded {
    std::uint64_t* hash = nullptr;         // (n, 2) of the graph; of a plain space: of the active genes
    std::uint64_t* recipe_hash = nullptr;  // (n, 2) of graph and active training genes
    std::int64_t* resources = nullptr;     // (kNames.size(), n): a row for each of Resources::kNames
    MissingModules* missing = nullptr;     // gets modules whose costs aren't known and were counted as none
    std::int64_t batch = 1;                // at which the memories are counted
    bool fragments = true;                 // whether to remember parts of networks; results are the same
};

// Throws std::invalid_argument naming the row, where a genome is no network.
template <class T>
void decode(const Layout& layout, const T* genomes, std::size_t n, const Decoded& out,
            const Threads& threads);

}  // namespace cambrian
