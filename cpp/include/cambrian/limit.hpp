// The largest value that each gene may have.
#pragma once

#include <cstddef>
#include <vector>

#include "cambrian/layout.hpp"

namespace cambrian {

template <class T>
class Limit {
  public:
    explicit Limit(const Layout& layout);

    // Sets values beyond a gene's options to its last one. A population may be changed by another thread
    // after it was checked, and values are used as indices.
    void apply(T* genomes, std::size_t rows) const { copy(genomes, rows, genomes); }
    // The same into `out`.
    void copy(const T* genomes, std::size_t rows, T* out) const;
    // The first row that holds such a value; `rows` if none does.
    std::size_t first_beyond(const T* genomes, std::size_t rows) const;
    const T* data() const { return limits_.data(); }

  private:
    std::size_t width_;
    std::size_t together_;   // so many rows are looked at as one, as short loops don't pay
    std::vector<T> limits_;  // of `together_` rows
};

}  // namespace cambrian
