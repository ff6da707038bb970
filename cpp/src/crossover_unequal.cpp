#include <algorithm>

#include "cambrian/crossover.hpp"
#include "cambrian/limit.hpp"
#include "slots.hpp"

namespace cambrian {
namespace {

template <class T>
class UnequalCrosser final : public Crosser<T> {
  public:
    UnequalCrosser(const Layout& layout, const UnequalCrossover& crossover)
        : width_(layout.width()), rate_(crossover.rate), limit_(layout) {
        for (const Repeat& repeat : layout.repeats) {
            if (repeat.parent < 0) shapes_.emplace_back(layout, repeat);
        }
    }

    // The words are those of the block, of one child after the other.
    void cross(const Brood& brood, const T* const* first, const T* const* second, T* children,
               Scratch<T>& scratch) const override {
        Words words(brood.source, brood.purpose, brood.first);
        scratch.slots.resize(width_);
        for (const std::size_t row : brood.rows) {
            T* child = children + row * width_;
            std::copy_n(first[row], width_, child);
            if (!rate_.holds(words.word()) || shapes_.empty()) continue;
            std::copy_n(second[row], width_, scratch.slots.data());
            limit_.apply(child, 1);
            limit_.apply(scratch.slots.data(), 1);
            join(shapes_[words.below(static_cast<std::uint32_t>(shapes_.size()))], scratch.slots.data(),
                 child, words);
        }
    }

  private:
    // The first parent, which `child` holds, up to a cut in this repeat; the second from its own cut on.
    void join(const SlotShape& shape, const T* second, T* child, Words& words) const {
        const Repeat& repeat = shape.repeat;
        // Unlike `second`, `child` may stand where another thread writes.
        const std::int32_t firsts = std::min(shape.length(child), repeat.max), seconds = shape.length(second);
        const auto below = [&](std::int32_t n) {
            return static_cast<std::int32_t>(words.below(static_cast<std::uint32_t>(n)));
        };
        const std::int32_t head = below(firsts + 1);
        const std::int32_t least = std::max(head + seconds - repeat.max, 0);
        const std::int32_t cut = least + below(std::min(head + seconds - repeat.min, seconds) - least + 1);
        const std::int32_t length = head + seconds - cut;
        std::copy(shape.slot(second, cut), shape.slot(second, seconds), shape.slot(child, head));
        const auto end = static_cast<std::size_t>(shape.slot(child, repeat.max) - child);
        std::copy(second + end, second + width_, child + end);
        shape.set_length(child, length);
        const auto position = [=](std::int32_t t) { return t < cut ? head - 1 : t - cut + head; };
        for (std::int32_t s = head; s < length; ++s)
            shape.move_references(shape.slot(child, s), s - head + cut, s, position);
        // Masks beside the repeat come from the parent that gave the columns there.
        for (const SlotMask& mask : shape.ends) {
            const bool later = static_cast<std::size_t>(mask.offset) >= end;
            const auto kept = [=](std::int32_t t) { return later ? position(t) : std::min(t, head - 1); };
            T& value = child[mask.offset];
            value = static_cast<T>(mask.moved(value, later ? seconds : firsts, length, kept));
        }
    }

    std::size_t width_;
    Chance rate_;
    Limit<T> limit_;
    std::vector<SlotShape> shapes_;  // of the outermost repeats
};

}  // namespace

template <class T>
std::unique_ptr<Crosser<T>> make_unequal_crosser(const Layout& layout, const UnequalCrossover& crossover) {
    return std::make_unique<UnequalCrosser<T>>(layout, crossover);
}

template std::unique_ptr<Crosser<std::uint8_t>> make_unequal_crosser(const Layout&, const UnequalCrossover&);
template std::unique_ptr<Crosser<std::uint16_t>> make_unequal_crosser(const Layout&, const UnequalCrossover&);

}  // namespace cambrian
