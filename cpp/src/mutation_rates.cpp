// Each child has a rate: drawn from a power law, or its own, inherited and varied. Hit genes are reset.
#include <algorithm>
#include <array>
#include <stdexcept>
#include <vector>

#include "binomial.hpp"
#include "cambrian/mutation.hpp"
#include "cambrian/real.hpp"
#include "changes.hpp"
#include "gene_mutator.hpp"

namespace cambrian {
namespace {

using Genes = std::vector<std::uint32_t>;

constexpr std::size_t kMost = 256;  // genes at once, so that (1/2)^kMost is far from underflow

// Each of the genes with probability `rate`.
template <class T>
void hit_at_rate(std::uint32_t start, const Genes& genes, double rate, Words& words, Scratch<T>& scratch) {
    const double rare = std::min(rate, 1.0 - rate);
    for (std::size_t from = 0; from < genes.size(); from += kMost) {
        const std::size_t some = std::min(kMost, genes.size() - from);
        const std::size_t rarer = binomial(some, rare, power(1.0 - rare, some), uniform(words));
        choose_subset(some, rate > 0.5 ? some - rarer : rarer, words, scratch);
        for (const std::uint32_t place : scratch.chosen) {
            const std::uint32_t column = genes[from + place];
            scratch.hits.push_back({start + column, column});
        }
    }
}

class HeavyTailedHits {
  public:
    HeavyTailedHits(const Layout& layout, double beta) : changeable_(layout) {
        double sum = 0.0;
        for (std::size_t a = 1; a <= std::max<std::size_t>(changeable_.columns().size() / 2, 1); ++a) {
            sum += portable_pow(static_cast<double>(a), -beta);
            sums_.push_back(sum);
        }
    }

    template <class T>
    void find(const Brood& brood, const T* children, Scratch<T>& scratch) const {
        each_row(changeable_, brood, children, scratch,
                 [&](std::uint16_t, std::uint32_t start, const Genes& genes, Words& words) {
                     const double k = static_cast<double>(genes.size());
                     hit_at_rate(start, genes, mean(genes.size(), uniform(words)) / k, words, scratch);
                 });
    }

  private:
    // How many of k genes are to be hit on average: a = 1 … k/2 with a probability proportional to a^-beta.
    double mean(std::size_t k, double u) const {
        const auto last = sums_.begin() + static_cast<std::ptrdiff_t>(std::max<std::size_t>(k / 2, 1)) - 1;
        const auto found = std::upper_bound(sums_.begin(), last, u * *last);
        return static_cast<double>(found - sums_.begin() + 1);
    }

    Changeable changeable_;
    std::vector<double> sums_;  // of 1^-beta … (i + 1)^-beta
};

class OwnHits {
  public:
    OwnHits(const Layout& layout, const SelfAdaptiveMutation& mutation)
        : changeable_(layout), mutation_(mutation) {}

    template <class T>
    void find(const Brood& brood, const T* children, Scratch<T>& scratch) const {
        if (brood.rates == nullptr)
            throw std::invalid_argument("self_adaptive: expected the genomes' own rates, got none");
        std::array<double, kMostRows> factors;
        draw_factors(brood, factors.data());
        each_row(changeable_, brood, children, scratch,
                 [&](std::uint16_t row, std::uint32_t start, const Genes& genes, Words& words) {
                     double& rate = brood.rates[row];
                     rate = varied(rate, factors[row], genes.size());
                     hit_at_rate(start, genes, rate, words, scratch);
                 });
    }

  private:
    // e^(gamma * N(0, 1)) for each row, all at once: they don't wait for one another.
    void draw_factors(const Brood& brood, double* factors) const {
        constexpr std::uint32_t kFirst = 1U << 23;  // blocks of words that nothing else uses
        Words words(brood.source, brood.purpose, brood.first, kFirst);
        for (const std::uint16_t row : brood.rows) factors[row] = uniform(words);
        for (const std::uint16_t row : brood.rows)
            factors[row] = portable_exp(-mutation_.gamma * normal_quantile(factors[row]));
    }

    // The logistic of a normally distributed step from the rate's own logit, within the bounds.
    double varied(double rate, double factor, std::size_t k) const {
        const double low = mutation_.low.value_or(1.0 / static_cast<double>(k));
        const double now = within(rate, low, mutation_.high);
        return within(1.0 / (1.0 + (1.0 - now) / now * factor), low, mutation_.high);
    }
    static double within(double rate, double low, double high) {
        const double raised = rate > low ? rate : low;  // NaN too
        return raised < high ? raised : high;
    }

    Changeable changeable_;
    SelfAdaptiveMutation mutation_;
};

}  // namespace

template <class T>
std::unique_ptr<Mutator<T>> make_gene_mutator(const Layout& layout, const HeavyTailedMutation& mutation) {
    return make_mutator<T>(HeavyTailedHits(layout, mutation.beta), Reset(layout));
}
template <class T>
std::unique_ptr<Mutator<T>> make_gene_mutator(const Layout& layout, const SelfAdaptiveMutation& mutation) {
    return make_mutator<T>(OwnHits(layout, mutation), Reset(layout));
}

template std::unique_ptr<Mutator<std::uint8_t>> make_gene_mutator(const Layout&, const HeavyTailedMutation&);
template std::unique_ptr<Mutator<std::uint16_t>> make_gene_mutator(const Layout&, const HeavyTailedMutation&);
template std::unique_ptr<Mutator<std::uint8_t>> make_gene_mutator(const Layout&, const SelfAdaptiveMutation&);
template std::unique_ptr<Mutator<std::uint16_t>> make_gene_mutator(const Layout&,
                                                                   const SelfAdaptiveMutation&);

}  // namespace cambrian
