// Exactly k genes are hit, or at least one; they are reset.
#include <algorithm>
#include <vector>

#include "binomial.hpp"
#include "cambrian/mutation.hpp"
#include "changes.hpp"
#include "gene_mutator.hpp"

namespace cambrian {
namespace {

using Genes = std::vector<std::uint32_t>;

class ExactHits {
  public:
    ExactHits(const Layout& layout, std::size_t count) : changeable_(layout), count_(count) {}

    template <class T>
    void find(const Brood& brood, const T* children, Scratch<T>& scratch) const {
        each_row(changeable_, brood, children, scratch,
                 [&](std::uint16_t, std::uint32_t start, const Genes& genes, Words& words) {
                     if (genes.size() > count_) return hit_some(start, genes, count_, words, scratch);
                     for (const std::uint32_t column : genes)
                         scratch.hits.push_back({start + column, column});
                 });
    }

  private:
    Changeable changeable_;
    std::size_t count_;
};

// Each with one probability, given that one is hit: the first one's place is drawn from what is then its
// distribution, and the gaps after it are geometric as ever.
class FirstHits {
  public:
    FirstHits(const Layout& layout, double rate) : changeable_(layout), gaps_(rate) {
        double sum = 0.0, missed = 1.0;
        for (std::size_t i = 0; i < changeable_.columns().size(); ++i) {
            sum += missed;
            missed *= 1.0 - rate;
            sums_.push_back(sum);
        }
    }

    template <class T>
    void find(const Brood& brood, const T* children, Scratch<T>& scratch) const {
        each_row(changeable_, brood, children, scratch,
                 [&](std::uint16_t, std::uint32_t start, const Genes& genes, Words& words) {
                     for (std::size_t at = first(genes.size(), uniform(words)); at < genes.size();) {
                         scratch.hits.push_back({start + genes[at], genes[at]});
                         if (++at < genes.size()) at += gaps_.next(words, genes.size() - at);
                     }
                 });
    }

  private:
    std::size_t first(std::size_t k, double u) const {
        const double* sums = sums_.data();
        return static_cast<std::size_t>(std::upper_bound(sums, sums + k - 1, u * sums[k - 1]) - sums);
    }

    Changeable changeable_;
    Gaps gaps_;
    std::vector<double> sums_;  // of (1 - rate)^0 … (1 - rate)^i
};

// Each of the k that a genome has with probability 1/k, given that one is hit.
class MeanFirstHits {
  public:
    explicit MeanFirstHits(const Layout& layout)
        : changeable_(layout), none_(changeable_.columns().size() + 1) {
        for (std::size_t k = 2; k < none_.size(); ++k)
            none_[k] = power(1.0 - 1.0 / static_cast<double>(k), k);
    }

    template <class T>
    void find(const Brood& brood, const T* children, Scratch<T>& scratch) const {
        each_row(changeable_, brood, children, scratch,
                 [&](std::uint16_t, std::uint32_t start, const Genes& genes, Words& words) {
                     hit_some(start, genes, count(genes.size(), uniform(words)), words, scratch);
                 });
    }

  private:
    std::size_t count(std::size_t k, double u) const {
        if (k == 1) return 1;
        const double none = none_[k];
        return std::max<std::size_t>(binomial(k, 1.0 / static_cast<double>(k), none, none + u * (1.0 - none)),
                                     1);
    }

    Changeable changeable_;
    std::vector<double> none_;  // how likely none of k is hit
};

}  // namespace

template <class T>
std::unique_ptr<Mutator<T>> make_gene_mutator(const Layout& layout, const ExactMutation& mutation) {
    return make_mutator<T>(ExactHits(layout, mutation.count), Reset(layout));
}
template <class T>
std::unique_ptr<Mutator<T>> make_gene_mutator(const Layout& layout, const AtLeastOneMutation& mutation) {
    if (!mutation.rate) return make_mutator<T>(MeanFirstHits(layout), Reset(layout));
    return make_mutator<T>(FirstHits(layout, *mutation.rate), Reset(layout));
}

template std::unique_ptr<Mutator<std::uint8_t>> make_gene_mutator(const Layout&, const ExactMutation&);
template std::unique_ptr<Mutator<std::uint16_t>> make_gene_mutator(const Layout&, const ExactMutation&);
template std::unique_ptr<Mutator<std::uint8_t>> make_gene_mutator(const Layout&, const AtLeastOneMutation&);
template std::unique_ptr<Mutator<std::uint16_t>> make_gene_mutator(const Layout&, const AtLeastOneMutation&);

}  // namespace cambrian
