// Exactly k genes are hit, or at least one; they are reset.
#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "cambrian/mutation.hpp"
#include "changes.hpp"
#include "gene_mutator.hpp"
#include "ladder.hpp"

namespace cambrian {
namespace {

using Genes = std::span<const std::uint32_t>;

class ExactHits {
  public:
    ExactHits(const Layout& layout, std::size_t count) : changeable_(layout), count_(count) {}

    template <class T>
    void find(const Brood& brood, const T* children, Scratch<T>& scratch) const {
        each_row(changeable_, brood, children, scratch,
                 [&](std::uint16_t, std::uint32_t start, Genes genes, Words& words) {
                     if (genes.size() > count_) return hit_some(start, genes, count_, words, scratch);
                     for (const std::uint32_t column : genes)
                         scratch.hits.push_back({start + column, column});
                 });
    }

  private:
    Changeable changeable_;
    std::size_t count_;
};

// Each with one probability, given that one is hit: what RateHits finds, and where it finds none in a genome,
// a place of the first one from what is then its distribution, after which gaps are geometric as ever.
class FirstHits {
  public:
    FirstHits(const Layout& layout, double rate)
        : hits_(layout, rate), places_(powers(1.0 - rate, hits_.changeable().columns().size())) {}

    template <class T>
    void find(const Brood& brood, const T* children, Scratch<T>& scratch) const {
        hits_.find(brood, children, scratch);
        std::array<std::uint8_t, kMostRows> hit{};
        const auto width = static_cast<std::uint32_t>(scratch.normal.size());
        for (const Hit found : scratch.hits) hit[found.at / width] = 1;
        std::array<std::uint16_t, kMostRows> rows;
        std::size_t count = 0;
        for (const std::uint16_t row : brood.rows) {
            rows[count] = row;
            count += hit[row] == 0 ? 1 : 0;
        }
        Brood missed = brood;
        missed.rows = {rows.data(), count};
        constexpr std::uint32_t kFirst = 1U << 23;  // blocks of words that RateHits doesn't use
        each_row(
            hits_.changeable(), missed, children, scratch,
            [&](std::uint16_t, std::uint32_t start, Genes genes, Words& words) {
                for (std::size_t at = places_.pick(genes.size(), uniform(words)); at < genes.size();) {
                    scratch.hits.push_back({start + genes[at], genes[at]});
                    if (++at < genes.size()) at += hits_.gaps().next(words, genes.size() - at);
                }
            },
            kFirst);
    }

  private:
    // How likely the first hit is to be gene 0, 1, … of `count`, but for a factor.
    static std::vector<double> powers(double missed, std::size_t count) {
        std::vector<double> result;
        for (double p = 1.0; result.size() < count; p *= missed) result.push_back(p);
        return result;
    }

    RateHits hits_;
    Shares places_;
};

}  // namespace

template <class T>
std::unique_ptr<Mutator<T>> make_gene_mutator(const Layout& layout, const ExactMutation& mutation) {
    return make_mutator<T>(ExactHits(layout, mutation.count), Reset(layout));
}
template <class T>
std::unique_ptr<Mutator<T>> make_gene_mutator(const Layout& layout, const AtLeastOneMutation& mutation) {
    const Changeable changeable(layout);
    if (!mutation.rate && changeable.conditional())
        return make_mutator<T>(MeanHits(layout, true), Reset(layout));
    const auto k = static_cast<double>(std::max<std::size_t>(changeable.columns().size(), 1));
    return make_mutator<T>(FirstHits(layout, mutation.rate.value_or(1.0 / k)), Reset(layout));
}

template std::unique_ptr<Mutator<std::uint8_t>> make_gene_mutator(const Layout&, const ExactMutation&);
template std::unique_ptr<Mutator<std::uint16_t>> make_gene_mutator(const Layout&, const ExactMutation&);
template std::unique_ptr<Mutator<std::uint8_t>> make_gene_mutator(const Layout&, const AtLeastOneMutation&);
template std::unique_ptr<Mutator<std::uint16_t>> make_gene_mutator(const Layout&, const AtLeastOneMutation&);

}  // namespace cambrian
