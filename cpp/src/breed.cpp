#include "cambrian/breed.hpp"

#include <algorithm>
#include <array>
#include <numeric>

#include "cambrian/limit.hpp"

namespace cambrian {
namespace {

template <class T>
struct Picked {
    std::array<std::uint32_t, 2 * kMostRows> winners;
    std::array<const T*, kMostRows> first, second;
};

template <class T>
class Breeder {
  public:
    Breeder(const Layout& layout, const Parents<T>& parents, const Operators& operators, const Source& source,
            const Children<T>& children)
        : width_(layout.width()),
          height_(rows_of<T>(layout)),
          parents_(parents),
          children_(children),
          crosser_(make_crosser<T>(layout, operators.crossover)),
          each_(crosser_->needs_second() ? 2 : 1),
          selector_(make_selector(operators.selection, parents.key, parents.count, each_ * children.count)),
          mutators_(layout, operators.mutations),
          limit_(layout),
          source_(source) {
        direct_ = !mutators_.need_privacy();
        far_ = sizeof(T) * width_ * parents.count > kNear;
        std::iota(all_.begin(), all_.end(), std::uint16_t{0});
    }

    std::size_t height() const { return height_; }
    // About how many nanoseconds a block takes.
    std::size_t work() const {
        return height_ * (16 * width_ * (mutators_.size() + 1) + each_ * selector_->work());
    }

    // Who the parents of one block's children are, `count` of them from `from` on.
    void pick(std::uint32_t from, std::size_t count, Picked<T>& picked) const {
        const auto each = static_cast<std::uint32_t>(each_);
        selector_->pick(source_, each * from, each_ * count, picked.winners.data());
        for (std::size_t i = 0; i < count; ++i) {
            picked.first[i] = parents_.genomes + picked.winners[each_ * i] * width_;
            picked.second[i] = parents_.genomes + picked.winners[each_ * i + each_ - 1] * width_;
            if (!far_) continue;
            prefetch_row(picked.first[i]);
            if (each_ == 2) prefetch_row(picked.second[i]);
        }
    }

    // The children themselves; `room` is enough for a block.
    void make(std::uint32_t from, std::size_t count, const Picked<T>& picked, T* room,
              Scratch<T>& scratch) const {
        T* const rows = direct_ ? children_.genomes + from * width_ : room;
        std::array<double, kMostRows> rates;
        Brood brood{source_, kCross, from, height_, {all_.data(), count}, nullptr};
        if (parents_.rates != nullptr) {
            for (std::size_t i = 0; i < count; ++i) rates[i] = parents_.rates[picked.winners[each_ * i]];
            brood.rates = rates.data();
        }
        crosser_->cross(brood, picked.first.data(), picked.second.data(), rows, scratch);
        if (!crosser_->limits()) limit_.apply(rows, count);
        mutators_.mutate(brood, rows, scratch);
        if (!direct_) std::copy_n(rows, count * width_, children_.genomes + from * width_);
        if (children_.rates != nullptr && brood.rates != nullptr)
            std::copy_n(rates.data(), count, children_.rates + from);
        if (children_.parents != nullptr) name_parents(from, count, picked.winners.data());
    }

  private:
    static constexpr std::size_t kNear = std::size_t{1} << 20;

    void prefetch_row(const T* row) const {
        const auto* bytes = reinterpret_cast<const char*>(row);
        prefetch(bytes);
        const std::size_t last = sizeof(T) * width_ - 1;
        if (((reinterpret_cast<std::uintptr_t>(bytes) ^ reinterpret_cast<std::uintptr_t>(bytes + last)) &
             64) != 0)
            prefetch(bytes + last);
    }

    void name_parents(std::uint32_t from, std::size_t count, const std::uint32_t* winners) const {
        for (std::size_t i = 0; i < count; ++i) {
            std::int64_t* row = children_.parents + 2 * (from + i);
            row[0] = winners[each_ * i];
            row[1] = each_ == 2 ? std::int64_t{winners[2 * i + 1]} : -1;
        }
    }

    std::size_t width_;
    std::size_t height_;
    Parents<T> parents_;
    Children<T> children_;
    std::unique_ptr<Crosser<T>> crosser_;
    std::size_t each_;  // parents of a child
    std::unique_ptr<Selector> selector_;
    Mutators<T> mutators_;
    Limit<T> limit_;
    bool direct_ = false;  // children are made where they will stay
    bool far_ = false;     // parents are not in the nearest caches
    const Source& source_;
    std::array<std::uint16_t, kMostRows> all_;
};

}  // namespace

template <class T>
void breed(const Layout& layout, const Parents<T>& parents, const Operators& operators, const Source& source,
           const Threads& threads, const Children<T>& children) {
    const Breeder<T> breeder(layout, parents, operators, source, children);
    const std::size_t width = layout.width(), height = breeder.height();
    const std::size_t share = height * rows_of_block(breeder.work(), 16);
    parallel_for(children.count, share, threads, [&](std::size_t begin, std::size_t end) {
        Scratch<T> scratch(layout);
        std::vector<T> rows(height * width);
        // The parents of a block are on their way from memory while the block before is made.
        std::array<Picked<T>, 2> picked;
        const auto pick = [&](std::size_t from, Picked<T>& into) {
            breeder.pick(static_cast<std::uint32_t>(from), std::min(height, end - from), into);
        };
        pick(begin, picked[0]);
        std::size_t now = 0;
        for (std::size_t from = begin; from < end; from += height, now = 1 - now) {
            if (from + height < end) pick(from + height, picked[1 - now]);
            breeder.make(static_cast<std::uint32_t>(from), std::min(height, end - from), picked[now],
                         rows.data(), scratch);
        }
    });
}

template void breed(const Layout&, const Parents<std::uint8_t>&, const Operators&, const Source&,
                    const Threads&, const Children<std::uint8_t>&);
template void breed(const Layout&, const Parents<std::uint16_t>&, const Operators&, const Source&,
                    const Threads&, const Children<std::uint16_t>&);

}  // namespace cambrian
