#include <algorithm>

#include "cambrian/crossover.hpp"
#include "units.hpp"

namespace cambrian {
namespace {

// Of a block, words 0 … 127 say which rows are crossed; then come as many for each cut, one a row.
template <class T>
class PointCrosser final : public Crosser<T> {
  public:
    PointCrosser(const Layout& layout, const PointCrossover& crossover)
        : rate_(crossover.rate), units_(layout, crossover.by), first_joint_(crossover.cuts % 2) {
        const auto units = static_cast<std::uint32_t>(units_.size());
        const std::uint32_t joints = units - first_joint_;
        const std::uint32_t cuts = std::min(crossover.cuts, first_joint_ == 1 ? joints : joints & ~1U);
        for (std::uint32_t last = joints - cuts; last < joints; ++last) bounds_.emplace_back(last + 1);
    }

    void cross(const Brood& brood, const T* const* first, const T* const* second, T* children,
               Scratch<T>& scratch) const override {
        const std::size_t some = (brood.height + kBlock - 1) / kBlock * kBlock, stride = units_.stride();
        const std::size_t bits = kMostRows * (1 + bounds_.size());
        if (scratch.words.size() < bits + brood.height * stride)
            scratch.words.resize(bits + brood.height * stride);
        std::uint32_t* words = scratch.words.data();
        philox_fill(brood.source.key, {0, brood.purpose, brood.first, brood.source.generation}, 0,
                    some / kBlock, words);
        for (std::size_t i = 0; i < bounds_.size(); ++i) {
            const std::size_t from = (i + 1) * kMostRows;
            below_fill(brood.source, brood.purpose, brood.first, static_cast<std::uint32_t>(from / kBlock),
                       bounds_[i], some, words + from);
        }
        if (stride <= 2)
            choose_few(brood, words, words + bits);
        else
            choose(brood, words, words + bits);
        units_.exchange(brood, first, second, words + bits, children);
    }

    bool limits() const override { return units_.genes(); }

  private:
    static constexpr std::size_t kBlock = 4;  // words of one block of the generator

    // Distinct joints (Floyd: Bentley, "Programming Pearls: A Sample of Brilliance", CACM 1987).
    void choose(const Brood& brood, const std::uint32_t* words, std::uint32_t* out) const {
        const std::size_t stride = units_.stride();
        for (const std::size_t row : brood.rows) {
            std::uint32_t* bits = out + row * stride;
            std::fill_n(bits, stride, 0);
            if (!rate_.holds(words[row])) continue;
            for (std::size_t i = 0; i < bounds_.size(); ++i) {
                const std::uint32_t joint = first_joint_ + words[(i + 1) * kMostRows + row];
                set_bit(bits, has_bit(bits, joint) ? first_joint_ + bounds_[i].bound - 1 : joint);
            }
            add_up_parity(bits, stride);
        }
    }

    // The same for up to 64 units, in a register; no branch on whether a row is crossed, as that can't be
    // predicted.
    void choose_few(const Brood& brood, const std::uint32_t* words, std::uint32_t* out) const {
        const std::size_t stride = units_.stride(), cuts = bounds_.size();
        const Bound* const bounds = bounds_.data();
        const std::uint32_t first = first_joint_;
        const std::uint64_t threshold = rate_.threshold;
        for (const std::size_t row : brood.rows) {
            std::uint64_t taken = 0, swapped = 0;
            for (std::size_t i = 0; i < cuts; ++i) {
                const std::uint64_t pick = first + words[(i + 1) * kMostRows + row];
                const std::uint64_t last = first + bounds[i].bound - 1;
                const std::uint64_t joint = pick ^ ((pick ^ last) & (0 - (taken >> pick & 1)));
                taken |= std::uint64_t{1} << joint;
                swapped ^= ~std::uint64_t{0} << joint;
            }
            swapped &= 0 - std::uint64_t{words[row] < threshold};
            out[row * stride] = static_cast<std::uint32_t>(swapped);
            if (stride == 2) out[row * stride + 1] = static_cast<std::uint32_t>(swapped >> 32);
        }
    }

    Chance rate_;
    Units<T> units_;
    std::uint32_t first_joint_;  // joint j stands before unit j
    std::vector<Bound> bounds_;  // of each cut
};

}  // namespace

template <class T>
std::unique_ptr<Crosser<T>> make_point_crosser(const Layout& layout, const PointCrossover& crossover) {
    return std::make_unique<PointCrosser<T>>(layout, crossover);
}

template std::unique_ptr<Crosser<std::uint8_t>> make_point_crosser(const Layout&, const PointCrossover&);
template std::unique_ptr<Crosser<std::uint16_t>> make_point_crosser(const Layout&, const PointCrossover&);

}  // namespace cambrian
