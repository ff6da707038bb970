// How genomes are changed. Only active genes are hit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "cambrian/brood.hpp"
#include "cambrian/layout.hpp"
#include "cambrian/parallel.hpp"
#include "cambrian/rng.hpp"
#include "cambrian/structure.hpp"

namespace cambrian {

// `rate`: the probability that a gene is hit; none: 1 / (number of active genes with two options or more).
struct ResetMutation {  // a hit gene gets one of its other options, uniformly
    std::optional<double> rate;
};
struct StepMutation {  // a hit ordered gene moves by at most `step` options, others are reset
    std::optional<double> rate;
    std::uint32_t step;
};
struct PointMutation {};  // one gene, uniformly chosen, gets one of its other options
using OneMutation = std::variant<ResetMutation, StepMutation, PointMutation, StructuralMutation>;

struct MutationMixture {  // each child is changed by one of them, chosen by weight
    std::vector<OneMutation> operators;
    std::vector<double> weights;
};
using Mutation = std::variant<OneMutation, MutationMixture>;

// How many streams it needs: one an operator.
std::uint32_t purposes_of(const Mutation& mutation);

// A mutation made ready for one layout.
template <class T>
class Mutator {
  public:
    virtual ~Mutator() = default;

    // The rows of the block, which stand in `children`, private to the caller and in range; they stay so.
    virtual void mutate(const Brood& brood, T* children, Scratch<T>& scratch) const = 0;
};

// Several, one after the other. The layout must outlive them.
template <class T>
class Mutators {
  public:
    // `place`: how many operators come before these.
    Mutators(const Layout& layout, const std::vector<Mutation>& mutations, std::uint32_t place = 0);

    bool empty() const { return members_.empty(); }
    std::size_t size() const { return members_.size(); }
    // `brood` but for its purpose.
    void mutate(Brood brood, T* children, Scratch<T>& scratch) const;

  private:
    std::vector<std::unique_ptr<Mutator<T>>> members_;
    std::vector<std::uint32_t> purposes_;
};

// What `mutate` works on. `out` may be `genomes` itself; rates are each one's own, before and after.
template <class T>
struct Genomes {
    const T* genomes;
    std::size_t count;
    T* out;
    const double* rates = nullptr;
    double* rates_out = nullptr;
};

template <class T>
void mutate(const Layout& layout, const Genomes<T>& genomes, const std::vector<Mutation>& mutations,
            std::uint32_t place, const Source& source, const Threads& threads);

// Of one operator each; what Mutators puts together.
template <class T>
std::unique_ptr<Mutator<T>> make_gene_mutator(const Layout& layout, const ResetMutation& mutation);
template <class T>
std::unique_ptr<Mutator<T>> make_gene_mutator(const Layout& layout, const StepMutation& mutation);
template <class T>
std::unique_ptr<Mutator<T>> make_gene_mutator(const Layout& layout, const PointMutation& mutation);
template <class T>
std::unique_ptr<Mutator<T>> make_structural_mutator(const Layout& layout, const StructuralMutation& mutation);

}  // namespace cambrian
