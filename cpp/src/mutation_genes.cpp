// Mutations that are a rule of which genes are hit and a rule of what becomes of them.
#include <algorithm>
#include <utility>

#include "cambrian/mutation.hpp"
#include "hits.hpp"

namespace cambrian {
namespace {

// A hit gene gets another value, uniformly: one of its options, or if `step` isn't 0 and it is ordered, one
// at most `step` away.
class Change {
  public:
    Change(const Layout& layout, std::uint32_t step) : step_(step) {
        for (const Column& column : layout.columns) {
            last_.push_back(static_cast<std::uint32_t>(column.options - 1));
            near_.push_back(step > 0 && column.ordered() ? 1 : 0);
        }
    }

    template <class T, class Random>
    void operator()(T& gene, std::uint32_t column, Random& random) const {
        const std::uint32_t old = gene, last = last_[column];
        std::uint32_t low = 0, high = last;
        if (step_ > 0 && near_[column] != 0) {
            low = old - std::min(old, step_);
            high = old + std::min(last - old, step_);
        }
        std::uint32_t value = low + random.below(high - low);
        value += value >= old ? 1 : 0;
        gene = static_cast<T>(value);
    }

  private:
    std::uint32_t step_;
    std::vector<std::uint32_t> last_;
    std::vector<std::uint8_t> near_;
};

template <class T, class Hits>
class GeneMutator final : public Mutator<T> {
  public:
    GeneMutator(const Layout& layout, Hits hits, std::uint32_t step)
        : hits_(std::move(hits)), change_(layout, step) {}

    void mutate(const Brood& brood, T* children, Scratch<T>& scratch) const override {
        const std::size_t width = scratch.normal.size();
        hits_.each(brood, children, scratch, [&](std::size_t row, std::uint32_t column, auto& random) {
            change_(children[row * width + column], column, random);
        });
    }

  private:
    Hits hits_;
    Change change_;
};

template <class T>
std::unique_ptr<Mutator<T>> make(const Layout& layout, std::optional<double> rate, std::uint32_t step) {
    const Changeable changeable(layout);
    if (!rate && changeable.conditional()) {
        return std::make_unique<GeneMutator<T, MeanHits>>(layout, MeanHits(layout), step);
    }
    const auto k = static_cast<double>(std::max<std::size_t>(changeable.columns().size(), 1));
    return std::make_unique<GeneMutator<T, RateHits>>(layout, RateHits(layout, rate.value_or(1.0 / k)), step);
}

}  // namespace

template <class T>
std::unique_ptr<Mutator<T>> make_gene_mutator(const Layout& layout, const ResetMutation& mutation) {
    return make<T>(layout, mutation.rate, 0);
}
template <class T>
std::unique_ptr<Mutator<T>> make_gene_mutator(const Layout& layout, const StepMutation& mutation) {
    return make<T>(layout, mutation.rate, mutation.step);
}
template <class T>
std::unique_ptr<Mutator<T>> make_gene_mutator(const Layout& layout, const PointMutation&) {
    return std::make_unique<GeneMutator<T, OneHit>>(layout, OneHit(layout), 0);
}

template std::unique_ptr<Mutator<std::uint8_t>> make_gene_mutator(const Layout&, const ResetMutation&);
template std::unique_ptr<Mutator<std::uint16_t>> make_gene_mutator(const Layout&, const ResetMutation&);
template std::unique_ptr<Mutator<std::uint8_t>> make_gene_mutator(const Layout&, const StepMutation&);
template std::unique_ptr<Mutator<std::uint16_t>> make_gene_mutator(const Layout&, const StepMutation&);
template std::unique_ptr<Mutator<std::uint8_t>> make_gene_mutator(const Layout&, const PointMutation&);
template std::unique_ptr<Mutator<std::uint16_t>> make_gene_mutator(const Layout&, const PointMutation&);

}  // namespace cambrian
