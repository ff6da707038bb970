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
            Class one{Gaps(highest), columns, {}};
            for (const std::uint32_t column : columns) one.shares.emplace_back(rates[column] / highest);
            classes_.push_back(std::move(one));
        }
    }

    template <class T>
    void find(const Brood& brood, const T* children, Scratch<T>& scratch) const {
        const auto width = static_cast<std::uint32_t>(scratch.normal.size());
        Words words(brood.source, brood.purpose, brood.first);
        for (const Class& one : classes_) {
            const auto each = static_cast<std::uint32_t>(one.columns.size());
            const std::size_t total = brood.rows.size() * each;
            for (std::size_t at = one.gaps.next(words, total); at < total;) {
                const std::uint32_t row = static_cast<std::uint32_t>(at) / each;
                const std::uint32_t place = static_cast<std::uint32_t>(at) - row * each;
                const std::uint32_t column = one.columns[place];
                if (one.shares[place].holds(words.word()))
                    scratch.hits.push_back({brood.rows[row] * width + column, column});
                if (++at < total) at += one.gaps.next(words, total - at);
            }
        }
        if (changeable_.conditional()) drop_inactive(children, width, scratch);
    }

  private:
    struct Class {
        Gaps gaps;
        std::vector<std::uint32_t> columns;
        std::vector<Chance> shares;
    };

    template <class T>
    void drop_inactive(const T* children, std::uint32_t width, Scratch<T>& scratch) const {
        std::sort(scratch.hits.begin(), scratch.hits.end(), [](Hit a, Hit b) { return a.at < b.at; });
        std::uint32_t flagged = kMostRows;  // the row whose flags these are
        std::erase_if(scratch.hits, [&](Hit hit) {
            const std::uint32_t row = hit.at / width;
            if (row != flagged) changeable_.flags(children + row * width, scratch);
            flagged = row;
            return scratch.active[hit.column] == 0;
        });
    }

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
