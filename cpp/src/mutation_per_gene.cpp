// Every gene has a rate of its own; hit genes are reset.
#include <algorithm>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "cambrian/mutation.hpp"
#include "changes.hpp"
#include "gene_mutator.hpp"

namespace cambrian {
namespace {

// Genes whose rates are within a factor of two make a class: gaps of its highest rate run over its genes of
// all genomes, and what is met is hit with the share that its own rate has of the highest.
class PerGeneHits {
  public:
    PerGeneHits(const Layout& layout, std::vector<double> rates) : changeable_(layout) {
        if (rates.size() == 1) rates.assign(layout.width(), rates[0]);
        if (rates.size() != layout.width()) {
            throw std::invalid_argument("per_gene rates: expected " + std::to_string(layout.width()) +
                                        ", one a gene of the layout, got " + std::to_string(rates.size()));
        }
        std::map<int, std::vector<std::uint32_t>> alike;
        for (const std::uint32_t column : changeable_.columns()) {
            int halvings = 0;
            for (double p = rates[column]; p <= 0.5 && halvings < 32; p *= 2.0) ++halvings;
            if (rates[column] > 0.0) alike[halvings].push_back(column);
        }
        for (const auto& [halvings, columns] : alike) {
            double highest = 0.0;
            for (const std::uint32_t column : columns) highest = std::max(highest, rates[column]);
            Class one{static_cast<std::uint32_t>(halvings) << 18, Gaps(highest), columns, {}};
            for (const std::uint32_t column : columns) one.shares.emplace_back(rates[column] / highest);
            classes_.push_back(std::move(one));
        }
    }

    template <class T>
    void find(const Brood& brood, const T* children, Scratch<T>& scratch) const {
        const auto width = static_cast<std::uint32_t>(scratch.normal.size());
        for (const Class& one : classes_) {
            const auto each = static_cast<std::uint32_t>(one.columns.size());
            Words words(brood.source, brood.purpose, brood.first, one.block);
            const std::size_t met = one.gaps.find(words, brood.rows.size() * each, scratch.chosen);
            const std::size_t before = scratch.hits.size();
            scratch.hits.resize(before + met);
            if (scratch.words.size() < met + 3) scratch.words.resize(met + 3);
            const Philox counter{kShares + one.block, brood.purpose, brood.first, brood.source.generation};
            philox_fill(brood.source.key, counter, 0, (met + 3) / 4, scratch.words.data());
            Hit* hit = scratch.hits.data() + before;
            for (std::size_t i = 0; i < met; ++i) {
                const std::uint32_t at = scratch.chosen[i], row = at / each, place = at - row * each;
                const std::uint32_t column = one.columns[place];
                *hit = {brood.rows[row] * width + column, column};
                hit += one.shares[place].holds(scratch.words[i]) ? 1 : 0;
            }
            scratch.hits.resize(static_cast<std::size_t>(hit - scratch.hits.data()));
        }
        if (!changeable_.conditional()) return;
        std::sort(scratch.hits.begin(), scratch.hits.end(), [](Hit a, Hit b) { return a.at < b.at; });
        changeable_.drop_inactive(children, scratch);
    }

  private:
    static constexpr std::uint32_t kShares = 1U << 25;  // from this block on, the words of shares

    struct Class {
        std::uint32_t block;  // of the first words of its gaps
        Gaps gaps;
        std::vector<std::uint32_t> columns;
        std::vector<Chance> shares;
    };

    Changeable changeable_;
    std::vector<Class> classes_;
};

}  // namespace

template <class T>
std::unique_ptr<Mutator<T>> make_gene_mutator(const Layout& layout, const PerGeneMutation& mutation) {
    return make_mutator<T>(PerGeneHits(layout, mutation.rates), Reset(layout));
}

template std::unique_ptr<Mutator<std::uint8_t>> make_gene_mutator(const Layout&, const PerGeneMutation&);
template std::unique_ptr<Mutator<std::uint16_t>> make_gene_mutator(const Layout&, const PerGeneMutation&);

}  // namespace cambrian
