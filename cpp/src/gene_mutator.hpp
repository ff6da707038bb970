// Mutations that are a rule of which genes are hit and a rule of what becomes of them. All genes of a block
// are found before the first of them is changed.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "cambrian/mutation.hpp"
#include "hits.hpp"

namespace cambrian {

template <class T, class Hits, class Change>
class GeneMutator final : public Mutator<T> {
  public:
    GeneMutator(Hits hits, Change change) : hits_(std::move(hits)), change_(std::move(change)) {}

    void mutate(const Brood& brood, T* children, Scratch<T>& scratch) const override {
        scratch.hits.clear();
        hits_.find(brood, children, scratch);
        change_.change(brood, children, scratch);
    }

    bool needs_privacy() const override {
        if constexpr (requires { hits_.needs_privacy(); }) {
            return Change::kNeedsPrivacy || hits_.needs_privacy();
        } else {
            return true;
        }
    }

  private:
    Hits hits_;
    Change change_;
};

template <class T, class Hits, class Change>
std::unique_ptr<Mutator<T>> make_mutator(Hits hits, Change change) {
    return std::make_unique<GeneMutator<T, Hits, Change>>(std::move(hits), std::move(change));
}

// No rate: 1 / (number of active genes with two options or more).
template <class T, class Change>
std::unique_ptr<Mutator<T>> make_by_rate(const Layout& layout, std::optional<double> rate, Change change) {
    const Changeable changeable(layout);
    if (!rate && changeable.conditional()) return make_mutator<T>(MeanHits(layout), std::move(change));
    const auto k = static_cast<double>(std::max<std::size_t>(changeable.columns().size(), 1));
    return make_mutator<T>(RateHits(layout, rate.value_or(1.0 / k)), std::move(change));
}

}  // namespace cambrian
