// Which genes a mutation hits. All are found in a row before the first of them is changed.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "cambrian/activity.hpp"
#include "cambrian/brood.hpp"
#include "cambrian/gaps.hpp"
#include "cambrian/real.hpp"

namespace cambrian {

// The genes with two options or more.
class Changeable {
  public:
    // `only_operations`: those of them that choose operations.
    explicit Changeable(const Layout& layout, bool only_operations = false);

    const std::vector<std::uint32_t>& columns() const { return columns_; }
    // Not all of them take part in every genome.
    bool conditional() const { return always_ < columns_.size(); }
    // How many take part in every genome.
    std::size_t always() const { return always_; }

    // Those that take part in this genome, in scratch.genes unless they are all.
    template <class T>
    const std::vector<std::uint32_t>& active(const T* genome, Scratch<T>& scratch) const {
        if (!conditional()) return columns_;
        normalise(*layout_, genome, scratch.normal.data(), scratch.active.data());
        scratch.genes.clear();
        for (const std::uint32_t c : columns_) {
            if (scratch.active[c] != 0) scratch.genes.push_back(c);
        }
        return scratch.genes;
    }
    // Leaves only the active ones of scratch.hits, in which those of a row stand together.
    template <class T>
    void drop_inactive(const T* children, Scratch<T>& scratch) const {
        const T* flagged = nullptr;  // the row whose flags these are
        std::erase_if(scratch.hits, [&](Hit hit) {
            const T* row = children + (hit.at - hit.column);
            if (row != flagged) normalise(*layout_, row, scratch.normal.data(), scratch.active.data());
            flagged = row;
            return scratch.active[hit.column] == 0;
        });
    }

  private:
    const Layout* layout_;
    std::vector<std::uint32_t> columns_;
    std::size_t always_ = 0;
};

// What the places of genes in rows that follow each other are found by.
struct Whole {
    std::size_t before;  // genes before the first row
    std::size_t each;    // genes of a row
    std::uint64_t reciprocal;
};
// at / each is at * reciprocal >> kShift: exact, as at * each < 2**40 in a block.
inline constexpr int kShift = 40;
void place_whole(const std::uint32_t* chosen, std::size_t count, const Whole& whole, Hit* out);

// Each active gene with one probability, the same in all genomes. The gaps run over all genes of the block,
// one genome after the other; where one ends at a gene that is not active, nothing becomes of it.
class RateHits {
  public:
    RateHits(const Layout& layout, double rate)
        : changeable_(layout),
          gaps_(rate),
          never_(!(rate > 0.0)),
          reciprocal_((std::uint64_t{1} << kShift) / std::max<std::size_t>(changeable_.columns().size(), 1) +
                      1) {}

    const Changeable& changeable() const { return changeable_; }
    const Gaps& gaps() const { return gaps_; }

    template <class T>
    void find(const Brood& brood, const T* children, Scratch<T>& scratch) const {
        const std::size_t each = changeable_.columns().size(), total = brood.rows.size() * each;
        if (never_ || total == 0) return;
        Words words(brood.source, brood.purpose, brood.first);
        const std::size_t count = gaps_.find(words, total, scratch.chosen);
        scratch.hits.resize(count);
        if (each == scratch.normal.size() && brood.whole()) {
            place_whole(scratch.chosen.data(), count, {brood.rows[0] * each, each, reciprocal_},
                        scratch.hits.data());
        } else {
            place(brood, scratch);
        }
        if (changeable_.conditional()) changeable_.drop_inactive(children, scratch);
    }

    bool needs_privacy() const { return changeable_.conditional(); }

  private:
    template <class T>
    void place(const Brood& brood, Scratch<T>& scratch) const {
        const std::uint32_t* const columns = changeable_.columns().data();
        const std::size_t each = changeable_.columns().size(), width = scratch.normal.size();
        for (std::size_t i = 0; i < scratch.hits.size(); ++i) {
            const std::uint64_t at = scratch.chosen[i], row = (at * reciprocal_) >> kShift;
            const std::uint32_t column = columns[at - row * each];
            scratch.hits[i] = {static_cast<std::uint32_t>(brood.rows[row] * width + column), column};
        }
    }

    Changeable changeable_;
    Gaps gaps_;
    bool never_;
    std::uint64_t reciprocal_;
};

inline double uniform(Words& words) {
    const std::uint32_t high = words.word();
    return uniform_open(high, words.word());
}

// Calls visit(row, start, genes, words) for each row in which genes can change: the place of its first gene
// in the block, and the columns.
template <class T, class Visit>
void each_row(const Changeable& changeable, const Brood& brood, const T* children, Scratch<T>& scratch,
              Visit visit, std::uint32_t block = 0) {
    Words words(brood.source, brood.purpose, brood.first, block);
    for (const std::uint16_t row : brood.rows) {
        const auto start = static_cast<std::uint32_t>(row * scratch.normal.size());
        const std::vector<std::uint32_t>& genes = changeable.active(children + start, scratch);
        if (!genes.empty()) visit(row, start, std::span(genes), words);
    }
}

// Floyd's method (in Bentley, "Programming Pearls", CACM 30(9), 1987) for a uniform subset of 0 … n - 1:
// take(pick) notes a number and tells whether it was there already, visit(i, pick) gets what was chosen.
template <class Take, class Visit>
void choose_subset(std::size_t n, std::size_t count, Words& words, Take take, Visit visit) {
    for (std::size_t i = 0; i < count; ++i) {
        const auto last = static_cast<std::uint32_t>(n - count + i);
        std::uint32_t pick = words.below(last + 1);
        if (take(pick)) take(pick = last);
        visit(i, pick);
    }
}

// `count` of the genes, any of them.
template <class T>
void hit_some(std::uint32_t start, std::span<const std::uint32_t> genes, std::size_t count, Words& words,
              Scratch<T>& scratch) {
    const std::size_t before = scratch.hits.size();
    scratch.hits.resize(before + count);
    Hit* const hits = scratch.hits.data() + before;
    const auto visit = [&](std::size_t i, std::uint32_t pick) {
        hits[i] = {start + genes[pick], genes[pick]};
    };
    if (genes.size() <= 256) {
        std::array<std::uint64_t, 4> taken{};
        const auto take = [&](std::uint32_t pick) {
            const std::uint64_t old = taken[pick / 64], bit = std::uint64_t{1} << pick % 64;
            taken[pick / 64] = old | bit;
            return (old & bit) != 0;
        };
        return choose_subset(genes.size(), count, words, take, visit);
    }
    std::uint8_t* const taken = scratch.taken.data();
    const auto take = [&](std::uint32_t pick) { return std::exchange(taken[genes[pick]], 1) != 0; };
    choose_subset(genes.size(), count, words, take, visit);
    for (std::size_t i = 0; i < count; ++i) taken[hits[i].column] = 0;
}

// One active gene on average: each of the k that a genome has with probability 1/k. Their number is drawn,
// then they are a uniform subset.
class MeanHits {
  public:
    // `some`: given that there is one.
    explicit MeanHits(const Layout& layout, bool some = false);

    template <class T>
    void find(const Brood& brood, const T* children, Scratch<T>& scratch) const {
        each_row(changeable_, brood, children, scratch,
                 [&](std::uint16_t, std::uint32_t start, std::span<const std::uint32_t> genes, Words& words) {
                     hit_some(start, genes, count(genes.size(), words.word()), words, scratch);
                 });
    }

  private:
    static constexpr std::size_t kMost = 16;  // more hits have a probability below 2**-40

    std::size_t count(std::size_t k, std::uint32_t word) const {
        const auto& tail = tails_[k - least_];
        if (some_) word = tail[0] + static_cast<std::uint32_t>((std::uint64_t{word} * (0 - tail[0])) >> 32);
        std::size_t hits = 0;
        while (hits < std::min(k, kMost) && word >= tail[hits]) ++hits;
        return hits;
    }

    Changeable changeable_;
    bool some_;
    std::size_t least_;
    // More than j genes are hit of k if a word is at least tails_[k - least_][j].
    std::vector<std::array<std::uint32_t, kMost>> tails_;
};

// base^exponent by squaring: std::pow and its like may differ from one machine to the next.
double power(double base, std::size_t exponent);

}  // namespace cambrian
