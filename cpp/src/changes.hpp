// What becomes of the genes that are hit: always another value.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "cambrian/brood.hpp"
#include "cambrian/layout.hpp"
#include "cambrian/rng.hpp"
#include "hits.hpp"

namespace cambrian {

// `each` words for each of `count` hits; those that are refused are drawn again from `again`.
class Values {
  public:
    Values(const Brood& brood, std::size_t count, std::size_t each, std::vector<std::uint32_t>& words);

    const std::uint32_t* words() const { return words_; }

    // Uniform below `bound`, from the word.
    std::uint32_t below(std::uint32_t bound, std::uint32_t word) {
        const std::uint64_t product = std::uint64_t{word} * bound;
        const auto low = static_cast<std::uint32_t>(product);
        if (low < bound && low < (0 - bound) % bound) return again_.below(bound);
        return static_cast<std::uint32_t>(product >> 32);
    }
    // Any other option of `options`, uniformly.
    std::uint32_t other(std::uint32_t old, std::uint32_t options, std::uint32_t word) {
        const std::uint32_t value = below(options - 1, word);
        return value + (value >= old ? 1 : 0);
    }
    Stream& again() { return again_; }

  private:
    const std::uint32_t* words_;
    Stream again_;
};

class Reset {
  public:
    static constexpr bool kNeedsPrivacy = false;  // genes are only compared

    explicit Reset(const Layout& layout) {
        for (const Column& column : layout.columns)
            options_.push_back(static_cast<std::uint32_t>(column.options));
    }

    template <class T>
    void change(const Brood& brood, T* children, Scratch<T>& scratch) const {
        Values values(brood, scratch.hits.size(), 1, scratch.words);
        const std::uint32_t *word = values.words(), *options = options_.data();
        for (const Hit hit : scratch.hits) {
            T& gene = children[hit.at];
            gene = static_cast<T>(values.other(gene, options[hit.column], *word++));
        }
    }

  private:
    std::vector<std::uint32_t> options_;
};

// An ordered gene moves to another option at most `step` away, uniformly. Other genes are reset.
class StepMove {
  public:
    static constexpr bool kNeedsPrivacy = false;

    StepMove(const Layout& layout, std::uint32_t step) {
        for (const Column& column : layout.columns) {
            const auto last = static_cast<std::uint32_t>(column.options - 1);
            reaches_.push_back({last, column.ordered() ? std::min(step, last) : last});
        }
    }

    template <class T>
    void change(const Brood& brood, T* children, Scratch<T>& scratch) const {
        Values values(brood, scratch.hits.size(), 1, scratch.words);
        const std::uint32_t* word = values.words();
        const Reach* reaches = reaches_.data();
        for (const Hit hit : scratch.hits) {
            const auto [last, step] = reaches[hit.column];
            const std::uint32_t old = children[hit.at], low = old - std::min(old, step);
            const std::uint32_t high = old + std::min(last - old, step);
            const std::uint32_t value = low + values.other(old - low, high - low + 1, *word++);
            children[hit.at] = static_cast<T>(value);
        }
    }

  private:
    struct Reach {
        std::uint32_t last, step;
    };
    std::vector<Reach> reaches_;
};

}  // namespace cambrian
