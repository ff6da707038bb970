#include <algorithm>

#include "cambrian/crossover.hpp"
#include "units.hpp"

namespace cambrian {
namespace {

template <class T>
class PointCrosser final : public Crosser<T> {
  public:
    PointCrosser(const Layout& layout, const PointCrossover& crossover)
        : rate_(crossover.rate), units_(layout, crossover.by), first_joint_(crossover.cuts % 2) {
        const auto units = static_cast<std::uint32_t>(units_.size());
        joints_ = units - first_joint_;
        cuts_ = std::min(crossover.cuts, first_joint_ == 1 ? joints_ : joints_ & ~1U);
    }

    // The words are those of the block, of one child after the other.
    void cross(const Brood& brood, const T* const* first, const T* const* second, T* children,
               Scratch<T>& scratch) const override {
        Words words(brood.source, brood.purpose, brood.first);
        const std::size_t stride = units_.stride();
        scratch.words.assign(brood.height * stride, 0);
        for (const std::size_t row : brood.rows) {
            if (rate_.holds(words.word())) draw(words, scratch.words.data() + row * stride);
        }
        units_.exchange(brood, first, second, scratch.words.data(), children);
    }

  private:
    // Distinct joints (Floyd: Bentley, "Programming Pearls: A Sample of Brilliance", CACM 1987).
    void draw(Words& words, std::uint32_t* bits) const {
        for (std::uint32_t last = joints_ - cuts_; last < joints_; ++last) {
            const std::uint32_t joint = first_joint_ + words.below(last + 1);
            set_bit(bits, has_bit(bits, joint) ? first_joint_ + last : joint);
        }
        add_up_parity(bits, units_.stride());
    }

    Chance rate_;
    Units<T> units_;
    std::uint32_t first_joint_;  // joint j stands before unit j
    std::uint32_t joints_;
    std::uint32_t cuts_;
};

}  // namespace

template <class T>
std::unique_ptr<Crosser<T>> make_point_crosser(const Layout& layout, const PointCrossover& crossover) {
    return std::make_unique<PointCrosser<T>>(layout, crossover);
}

template std::unique_ptr<Crosser<std::uint8_t>> make_point_crosser(const Layout&, const PointCrossover&);
template std::unique_ptr<Crosser<std::uint16_t>> make_point_crosser(const Layout&, const PointCrossover&);

}  // namespace cambrian
