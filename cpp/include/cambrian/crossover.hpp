// How a child is made of two parents. A unit is what stays together: a gene, or a slot of an outermost
// repeat.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <variant>
#include <vector>

#include "cambrian/brood.hpp"
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
using OneCrossover = std::variant<NoCrossover, OnePointCrossover, TwoPointCrossover, UniformCrossover>;

struct CrossoverMixture {  // each child is made by one of them, chosen by weight
    std::vector<OneCrossover> operators;
    std::vector<double> weights;
};
using Crossover = std::variant<OneCrossover, CrossoverMixture>;

// A crossover made ready for one layout.
template <class T>
class Crosser {
  public:
    virtual ~Crosser() = default;

    virtual bool needs_second() const { return true; }

    // Row r of `children` from first[r] and second[r], for each row of the block. The parents' values may be
    // changed by others meanwhile and may then be out of range; so may those of the children.
    virtual void cross(const Brood& brood, const T* const* first, const T* const* second, T* children,
                       Scratch<T>& scratch) const = 0;
};

template <class T>
std::unique_ptr<Crosser<T>> make_crosser(const Layout& layout, const Crossover& crossover);

// Child i of first[i] and second[i]. `out` may be either of them.
template <class T>
void crossover(const Layout& layout, const T* first, const T* second, std::size_t n,
               const Crossover& crossover, const Source& source, const Threads& threads, T* out);

// Of one operator each; what make_crosser puts together.
template <class T>
std::unique_ptr<Crosser<T>> make_no_crosser(const Layout& layout);
template <class T>
std::unique_ptr<Crosser<T>> make_point_crosser(const Layout& layout, const OnePointCrossover& crossover);
template <class T>
std::unique_ptr<Crosser<T>> make_point_crosser(const Layout& layout, const TwoPointCrossover& crossover);
template <class T>
std::unique_ptr<Crosser<T>> make_uniform_crosser(const Layout& layout, const UniformCrossover& crossover);

}  // namespace cambrian
