// Which genes a mutation hits. All are found in a row before the first of them is changed.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "cambrian/activity.hpp"
#include "cambrian/brood.hpp"
#include "cambrian/gaps.hpp"

namespace cambrian {

// The genes with two options or more.
class Changeable {
  public:
    explicit Changeable(const Layout& layout);

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
    // Leaves only the active ones in scratch.genes.
    template <class T>
    void drop_inactive(const T* genome, Scratch<T>& scratch) const {
        normalise(*layout_, genome, scratch.normal.data(), scratch.active.data());
        std::erase_if(scratch.genes, [&](std::uint32_t c) { return scratch.active[c] == 0; });
    }

  private:
    const Layout* layout_;
    std::vector<std::uint32_t> columns_;
    std::size_t always_ = 0;
};

// Each active gene with one probability, the same in all genomes. The gaps run over all genes of the block,
// one genome after the other; where one ends at a gene that is not active, nothing is drawn for it. Calls
// hit(row, column, words), which may draw from `words`.
class RateHits {
  public:
    RateHits(const Layout& layout, double rate) : changeable_(layout), gaps_(rate), never_(!(rate > 0.0)) {}

    template <class T, class Hit>
    void each(const Brood& brood, const T* children, Scratch<T>& scratch, Hit hit) const {
        const auto width = static_cast<std::uint32_t>(changeable_.columns().size());
        const auto total = static_cast<std::uint32_t>(brood.rows.size()) * width;
        if (never_ || total == 0) return;
        if (changeable_.conditional()) return each_active(brood, children, scratch, total, hit);
        const std::uint32_t* columns = changeable_.columns().data();
        walk(brood, total, [&](std::uint32_t at, Words& words) {
            const std::uint32_t row = at / width;
            hit(brood.rows[row], columns[at - row * width], words);
        });
    }

  private:
    static constexpr std::uint32_t kValues = 1U << 24;  // blocks from here on are for the new values

    template <class Visit>
    void walk(const Brood& brood, std::uint32_t total, Visit visit) const {
        Words gaps(brood.source, brood.purpose, brood.first);
        Words values(brood.source, brood.purpose, brood.first, kValues);
        for (std::size_t at = gaps_.next(gaps, total); at < total;) {
            visit(static_cast<std::uint32_t>(at), values);
            if (++at < total) at += gaps_.next(gaps, total - at);
        }
    }

    template <class T, class Hit>
    void each_active(const Brood& brood, const T* children, Scratch<T>& scratch, std::uint32_t total,
                     Hit hit) const {
        const auto width = static_cast<std::uint32_t>(changeable_.columns().size());
        const std::size_t genes = scratch.normal.size();
        std::uint32_t row = 0;
        scratch.genes.clear();
        const auto finish = [&](Words& words) {
            if (scratch.genes.empty()) return;
            const std::uint16_t child = brood.rows[row];
            changeable_.drop_inactive(children + child * genes, scratch);
            for (const std::uint32_t column : scratch.genes) hit(child, column, words);
            scratch.genes.clear();
        };
        Words* last = nullptr;
        walk(brood, total, [&](std::uint32_t at, Words& words) {
            if (at / width != row) finish(words);
            row = at / width;
            scratch.genes.push_back(changeable_.columns()[at - row * width]);
            last = &words;
        });
        if (last != nullptr) finish(*last);
    }

    Changeable changeable_;
    Gaps gaps_;
    bool never_;
};

// One active gene on average: each of the k that a genome has with probability 1/k. Their number is drawn,
// then they are a uniform subset; hit(row, column, stream) draws from the child's own stream.
class MeanHits {
  public:
    explicit MeanHits(const Layout& layout);

    template <class T, class Hit>
    void each(const Brood& brood, const T* children, Scratch<T>& scratch, Hit hit) const {
        const Streams streams = brood.streams();
        for (const std::uint16_t row : brood.rows) {
            const auto& genes = changeable_.active(children + row * scratch.normal.size(), scratch);
            if (genes.empty()) continue;
            Stream stream = streams[row];
            std::array<std::uint32_t, kMost> chosen;
            const std::size_t count = choose(genes.size(), stream, chosen);
            for (std::size_t i = 0; i < count; ++i) hit(row, genes[chosen[i]], stream);
        }
    }

  private:
    static constexpr std::size_t kMost = 16;  // more hits have a probability below 2**-40

    std::size_t choose(std::size_t k, Stream& stream, std::array<std::uint32_t, kMost>& chosen) const;

    Changeable changeable_;
    std::size_t least_;
    // More than j genes are hit of k if a word is at least tails_[k - least_][j].
    std::vector<std::array<std::uint32_t, kMost>> tails_;
};

// One active gene, uniformly.
class OneHit {
  public:
    explicit OneHit(const Layout& layout) : changeable_(layout) {}

    template <class T, class Hit>
    void each(const Brood& brood, const T* children, Scratch<T>& scratch, Hit hit) const {
        const Streams streams = brood.streams();
        for (const std::uint16_t row : brood.rows) {
            const auto& genes = changeable_.active(children + row * scratch.normal.size(), scratch);
            if (genes.empty()) continue;
            Stream stream = streams[row];
            hit(row, genes[stream.below(static_cast<std::uint32_t>(genes.size()))], stream);
        }
    }

  private:
    Changeable changeable_;
};

}  // namespace cambrian
