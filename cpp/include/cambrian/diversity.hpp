// How alike the genomes of a population are, over their normal forms: genes that take no part count as 0, so
// that rows which mean the same are equal. Results are the same for any number of threads and any CPU.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "cambrian/layout.hpp"
#include "cambrian/mix.hpp"
#include "cambrian/parallel.hpp"

namespace cambrian {

// Per gene, each left out where its pointer is null: Shannon entropy in bits over the genomes in which the
// gene is active (0 where there is none), and in how many of the n * (n - 1) / 2 pairs its values differ.
template <class T>
void gene_spread(const Layout& layout, const T* genomes, std::size_t n, const Threads& threads,
                 double* entropy, std::uint64_t* differing);

// How many genes differ between each genome and the nearest of `others`; `others` null: of the other rows
// of `genomes` itself. There must be one. Costs n * m comparisons and a copy of both.
template <class T>
void nearest_distance(const Layout& layout, const T* genomes, std::size_t n, const T* others, std::size_t m,
                      const Threads& threads, std::int64_t* out);

// 1 for each row that repeats an earlier one, else 0. Genomes are told apart by 128-bit digests.
template <class T>
void repeats(const Layout& layout, const T* genomes, std::size_t n, const Threads& threads, bool* out);
void repeats(std::span<const Digest::Value> digests, const Threads& threads, bool* out);

}  // namespace cambrian
