// How genomes are changed. Only active genes are hit.
#pragma once

#include <algorithm>
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
struct ExactMutation {    // `count` active genes, or all if there are fewer, are reset
    std::uint32_t count;
};
struct OperationMutation {  // with probability `rate` one of the active genes that choose operations is reset
    double rate;
};
struct AtLeastOneMutation {  // as ResetMutation, given that a gene is hit
    std::optional<double> rate;
};
struct GaussianMutation {  // a hit ordered gene moves by a normal number of options, others are reset
    double sigma;          // a share of the gene's range
    std::optional<double> rate;
};
struct PolynomialMutation {  // a hit ordered gene moves by a polynomial distribution, others are reset
    double eta;              // 0 … 1,000
    std::optional<double> rate;
};
struct HeavyTailedMutation {  // the rate of each child is a / active genes, a drawn from a power law
    double beta;
};
struct PerGeneMutation {
    std::vector<double> rates;  // one a column, or one for all
};
// The rate of each child is its own, which comes in Brood::rates and is replaced there by the one used.
struct SelfAdaptiveMutation {
    double gamma;
    std::optional<double> low;  // none: 1 / (number of active genes with two options or more)
    double high;
};
// With probability `rate` another network than the genome's takes its place, with equal chances for all that
// are in reach: all that one change leads to, where `inner` changes one gene to any other option and there
// are at most 4,096 such changes, else those among `tries` mutants by `inner`. If there is none, the genome
// stays. The network of a plain space is its normal form.
struct NewNetworkMutation {
    std::shared_ptr<const struct InnerMutation> inner;
    double rate;
    std::uint32_t tries;  // 1 … 4,096
};
using OneMutation =
    std::variant<ResetMutation, StepMutation, PointMutation, ExactMutation, AtLeastOneMutation,
                 GaussianMutation, PolynomialMutation, HeavyTailedMutation, PerGeneMutation,
                 SelfAdaptiveMutation, OperationMutation, StructuralMutation, NewNetworkMutation>;

struct MutationMixture {  // each child is changed by one of them, chosen by weight
    std::vector<OneMutation> operators;
    std::vector<double> weights;
};
using Mutation = std::variant<OneMutation, MutationMixture>;

struct InnerMutation {
    Mutation mutation;
};

// How many streams it needs: one an operator.
std::uint32_t purposes_of(const Mutation& mutation);

// A mutation made ready for one layout.
template <class T>
class Mutator {
  public:
    virtual ~Mutator() = default;

    // The rows of the block, which stand in `children`, private to the caller and in range; they stay so.
    virtual void mutate(const Brood& brood, T* children, Scratch<T>& scratch) const = 0;
    // Whether it relies on the children being private: it uses their values to find its way. If not, they may
    // stand where another thread can write to them.
    virtual bool needs_privacy() const { return true; }
};

template <class T>
std::unique_ptr<Mutator<T>> mutator_of(const Layout& layout, const Mutation& mutation);

// Several, one after the other. The layout must outlive them.
template <class T>
class Mutators {
  public:
    // `place`: how many operators come before these.
    Mutators(const Layout& layout, const std::vector<Mutation>& mutations, std::uint32_t place = 0);

    bool empty() const { return members_.empty(); }
    std::size_t size() const { return members_.size(); }
    bool need_privacy() const {
        return std::any_of(members_.begin(), members_.end(),
                           [](const auto& m) { return m->needs_privacy(); });
    }
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
std::unique_ptr<Mutator<T>> make_gene_mutator(const Layout& layout, const ExactMutation& mutation);
template <class T>
std::unique_ptr<Mutator<T>> make_gene_mutator(const Layout& layout, const OperationMutation& mutation);
template <class T>
std::unique_ptr<Mutator<T>> make_gene_mutator(const Layout& layout, const AtLeastOneMutation& mutation);
template <class T>
std::unique_ptr<Mutator<T>> make_gene_mutator(const Layout& layout, const GaussianMutation& mutation);
template <class T>
std::unique_ptr<Mutator<T>> make_gene_mutator(const Layout& layout, const PolynomialMutation& mutation);
template <class T>
std::unique_ptr<Mutator<T>> make_gene_mutator(const Layout& layout, const HeavyTailedMutation& mutation);
template <class T>
std::unique_ptr<Mutator<T>> make_gene_mutator(const Layout& layout, const PerGeneMutation& mutation);
template <class T>
std::unique_ptr<Mutator<T>> make_gene_mutator(const Layout& layout, const SelfAdaptiveMutation& mutation);
template <class T>
std::unique_ptr<Mutator<T>> make_structural_mutator(const Layout& layout, const StructuralMutation& mutation);
template <class T>
std::unique_ptr<Mutator<T>> make_new_network_mutator(const Layout& layout,
                                                     const NewNetworkMutation& mutation);

}  // namespace cambrian
