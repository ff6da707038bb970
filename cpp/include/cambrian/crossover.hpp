// How a child is made of two parents. A unit is what stays together: a gene, or a slot of an outermost
// repeat.
#pragma once

#include <cstddef>
#include <cstdint>
#include <variant>
#include <vector>

#include "cambrian/layout.hpp"
#include "cambrian/parallel.hpp"
#include "cambrian/rng.hpp"

namespace cambrian {

enum class By { kGene, kSlot };

// `rate` is the probability that a child is crossed at all; else it is a copy of its first parent.
struct NoCrossover {};
struct OnePointCrossover {  // units from a uniform cut on come from the second parent
    double rate;
    By by;
};
struct TwoPointCrossover {  // units between two cuts of the ring of units come from the second parent
    double rate;
    By by;
};
struct UniformCrossover {  // each unit comes from the second parent with probability `swap`
    double rate;
    double swap;
    By by;
};
using Crossover = std::variant<NoCrossover, OnePointCrossover, TwoPointCrossover, UniformCrossover>;

// A crossover made ready for one layout.
class Crosser {
  public:
    Crosser(const Layout& layout, const Crossover& crossover);

    bool needs_second() const { return !std::holds_alternative<NoCrossover>(crossover_); }

    // `child` holds the first parent's genes on entry. `second` may be changed by others meanwhile: it is
    // only copied from.
    template <class T>
    void cross(T* child, const T* second, Stream& stream) const;

  private:
    std::size_t units() const { return borders_.size() - 1; }
    template <class T>
    void copy(T* child, const T* second, std::size_t from, std::size_t to) const;
    template <class T>
    void uniform(T* child, const T* second, Stream& stream) const;
    template <class T>
    void swap_genes(T* child, const T* second, Stream& stream) const;

    Crossover crossover_;
    Chance rate_{0.0};
    Chance swap_{0.0};
    By by_ = By::kGene;
    std::vector<std::uint32_t> borders_;  // unit u is columns borders_[u] … borders_[u + 1] - 1
};

// Child i of first[i] and second[i]. `out` may be `first` itself.
template <class T>
void crossover(const Layout& layout, const T* first, const T* second, std::size_t n,
               const Crossover& crossover, const Source& source, const Threads& threads, T* out);

}  // namespace cambrian
