// Each child has a rate: drawn from a power law, or its own, inherited and varied. Hit genes are reset.
#include <algorithm>
#include <array>
#include <span>
#include <stdexcept>
#include <vector>

#include "cambrian/mutation.hpp"
#include "cambrian/real.hpp"
#include "changes.hpp"
#include "gene_mutator.hpp"
#include "ladder.hpp"

namespace cambrian {
namespace {

using Genes = std::span<const std::uint32_t>;

constexpr std::size_t kMost = 256;  // genes at once, so that (1/2)^kMost is far from underflow

// 1 / 1 … 1 / kMost.
constexpr std::array<double, kMost + 1> kInverse = [] {
    std::array<double, kMost + 1> inverse{};
    for (std::size_t i = 1; i <= kMost; ++i) inverse[i] = 1.0 / static_cast<double>(i);
    return inverse;
}();

// What a uniform u becomes by the binomial distribution of n <= kMost trials with probability `rate` <= 1/2.
std::size_t binomial(std::size_t n, double rate, double u) {
    const double odds = rate / (1.0 - rate);
    double exactly = power(1.0 - rate, n);
    std::size_t count = 0;
    for (; u >= exactly && count < n; ++count) {
        u -= exactly;
        exactly *= odds * static_cast<double>(n - count) * kInverse[count + 1];
    }
    return count;
}

// Each of the genes with probability `rate`.
template <class T>
void hit_at_rate(std::uint32_t start, Genes genes, double rate, Words& words, Scratch<T>& scratch) {
    const double rare = std::min(rate, 1.0 - rate);
    while (!genes.empty()) {
        const Genes some = genes.first(std::min(kMost, genes.size()));
        const std::size_t rarer = binomial(some.size(), rare, uniform(words));
        hit_some(start, some, rate > 0.5 ? some.size() - rarer : rarer, words, scratch);
        genes = genes.subspan(some.size());
    }
}

class HeavyTailedHits {
  public:
    HeavyTailedHits(const Layout& layout, double beta)
        : changeable_(layout), means_(powers(beta, most(changeable_.columns().size()))) {
        const std::size_t k = changeable_.columns().size();
        if (!changeable_.conditional() && k > 0 && k <= kMost) counts_ = counts(powers(beta, most(k)), k);
    }

    template <class T>
    void find(const Brood& brood, const T* children, Scratch<T>& scratch) const {
        each_row(changeable_, brood, children, scratch,
                 [&](std::uint16_t, std::uint32_t start, Genes genes, Words& words) {
                     const double u = uniform(words);
                     if (!counts_.empty()) return hit_some(start, genes, counts_.above(u), words, scratch);
                     const double k = static_cast<double>(genes.size());
                     hit_at_rate(start, genes, mean(genes.size(), u) / k, words, scratch);
                 });
    }

  private:
    static std::size_t most(std::size_t k) { return std::max<std::size_t>(k / 2, 1); }
    static std::vector<double> powers(double beta, std::size_t count) {
        std::vector<double> result;
        for (std::size_t a = 1; a <= count; ++a)
            result.push_back(portable_pow(static_cast<double>(a), -beta));
        return result;
    }

    // How many of k genes are to be hit on average: a = 1 … k/2 with a probability proportional to a^-beta.
    double mean(std::size_t k, double u) const { return static_cast<double>(means_.pick(most(k), u) + 1); }

    // How likely more than 0, 1, … k - 1 of k genes are hit.
    static Ladder counts(const std::vector<double>& weights, std::size_t k) {
        double sum = 0.0, more = 1.0;
        for (const double weight : weights) sum += weight;
        std::vector<double> exactly(k), rungs;
        for (std::size_t a = 1; a <= weights.size(); ++a) {
            const double rate = static_cast<double>(a) * kInverse[k];
            double chance = k == 1 ? 0.0 : weights[a - 1] / sum * power(1.0 - rate, k);
            for (std::size_t j = 0; j < k; ++j) {
                exactly[j] += chance;
                chance *= rate / (1.0 - rate) * static_cast<double>(k - j) * kInverse[j + 1];
            }
        }
        for (const double chance : exactly) rungs.push_back(more = std::max(more - chance, 0.0));
        return Ladder(std::move(rungs));
    }

    Changeable changeable_;
    Shares means_;
    Ladder counts_;  // where all genomes have as many genes
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
                 [&](std::uint16_t row, std::uint32_t start, Genes genes, Words& words) {
                     double& rate = brood.rates[row];
                     rate = varied(rate, factors[row], genes.size());
                     hit_at_rate(start, genes, rate, words, scratch);
                 });
    }

  private:
    // e^(-gamma * N(0, 1)) for each of the rows.
    void draw_factors(const Brood& brood, double* factors) const {
        constexpr std::uint32_t kFirst = 1U << 23;  // blocks of words that nothing else uses
        Words words(brood.source, brood.purpose, brood.first, kFirst);
        for (std::size_t i = 0; i < brood.rows.size(); ++i) factors[i] = uniform(words);
        normal_quantiles(factors, brood.rows.size());
        for (std::size_t i = 0; i < brood.rows.size(); ++i) factors[i] *= -mutation_.gamma;
        portable_exps(factors, brood.rows.size());
        // To where their rows stand, the last first, as none stands before its place among them.
        for (std::size_t i = brood.rows.size(); i-- > 0;) factors[brood.rows[i]] = factors[i];
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
