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
// Units come from the parents by turns, changing at `cuts` cuts, which are a uniform subset of the joints of
// the ring of units; an odd number counts the joint between last and first besides.
struct PointCrossover {
    double rate;
    std::uint32_t cuts;
    By by;
};
struct UniformCrossover {  // each unit comes from the second parent with probability `swap`
    double rate;
    double swap;
    By by;
};
struct HalfUniformCrossover {  // a uniform half of the units that differ comes from the second parent
    double rate;
    By by;
};
// An ordered gene is uniform between both parents' and `alpha` times their distance to either side; others
// come from either parent.
struct BlendCrossover {
    double rate;
    double alpha;
};
// An ordered gene is `weight` of the way from the first parent to the second; others come from the second
// with that probability.
struct ArithmeticCrossover {
    double rate;
    double weight;
};
// Ordered genes are drawn around one of the parents', each with probability `genes`, the nearer the larger
// `eta` is; others come from the second parent with that probability.
struct SimulatedBinaryCrossover {
    double rate;
    double eta;
    double genes;
};
// For slots of varying number. Those of the outermost repeats are aligned by what they do (their first
// unordered gene) and where they stand; genes of matched slots, and those outside, come from the second
// parent with probability `swap`, and so do whole runs of unmatched slots.
struct HomologousCrossover {
    double rate;
    double swap;
};
// The first parent up to a cut between slots of an outermost repeat, the second from a cut of its own on.
struct UnequalCrossover {
    double rate;
};
// A connected part of the slots of a repeat, or of the edges of a cell, comes from the second parent; all
// else is the first's. `size`: the most that is taken of either, as a share.
struct SubgraphCrossover {
    double rate;
    double size;
};
using OneCrossover = std::variant<NoCrossover, PointCrossover, UniformCrossover, HalfUniformCrossover,
                                  BlendCrossover, ArithmeticCrossover, SimulatedBinaryCrossover,
                                  HomologousCrossover, UnequalCrossover, SubgraphCrossover>;

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

    // Whether it leaves no value beyond a gene's options, and needs no memory of its own to do so: what it
    // writes to a row may be that row of the parents, and it doesn't rely on reading it again.
    virtual bool limits() const { return false; }

    // Row r of `children` from first[r] and second[r], for each row of the block. The parents' values may be
    // changed by others meanwhile and may then be out of range; so may those of the children, unless
    // `limits()`.
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
std::unique_ptr<Crosser<T>> make_point_crosser(const Layout& layout, const PointCrossover& crossover);
template <class T>
std::unique_ptr<Crosser<T>> make_uniform_crosser(const Layout& layout, const UniformCrossover& crossover);
template <class T>
std::unique_ptr<Crosser<T>> make_half_crosser(const Layout& layout, const HalfUniformCrossover& crossover);
template <class T>
std::unique_ptr<Crosser<T>> make_ordered_crosser(const Layout& layout, const BlendCrossover& crossover);
template <class T>
std::unique_ptr<Crosser<T>> make_ordered_crosser(const Layout& layout, const ArithmeticCrossover& crossover);
template <class T>
std::unique_ptr<Crosser<T>> make_binary_crosser(const Layout& layout,
                                                const SimulatedBinaryCrossover& crossover);
template <class T>
std::unique_ptr<Crosser<T>> make_homologous_crosser(const Layout& layout,
                                                    const HomologousCrossover& crossover);
template <class T>
std::unique_ptr<Crosser<T>> make_unequal_crosser(const Layout& layout, const UnequalCrossover& crossover);
template <class T>
std::unique_ptr<Crosser<T>> make_subgraph_crosser(const Layout& layout, const SubgraphCrossover& crossover);

}  // namespace cambrian
