#include "cambrian/breed.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <numeric>

#include "cambrian/limit.hpp"
#include "vector.hpp"

namespace cambrian {
namespace {

// Where the rows of winners begin, which are first and second parents by turns.
template <class T>
CAMBRIAN_INLINE void pair_up(const T* genomes, const std::uint32_t* winners, std::size_t width,
                             std::size_t count, const T** first, const T** second) {
    for (std::size_t i = 0; i < count; ++i) {
        first[i] = genomes + winners[2 * i] * width;
        second[i] = genomes + winners[2 * i + 1] * width;
    }
}
CAMBRIAN_INLINE void pair_narrow(const std::uint8_t* genomes, const std::uint32_t* winners, std::size_t width,
                                 std::size_t count, const std::uint8_t** first, const std::uint8_t** second) {
    pair_up(genomes, winners, width, count, first, second);
}
CAMBRIAN_VERSIONS(void, pair_narrow,
                  (const std::uint8_t* genomes, const std::uint32_t* winners, std::size_t width,
                   std::size_t count, const std::uint8_t** first, const std::uint8_t** second),
                  (genomes, winners, width, count, first, second))

template <class T>
struct Picked {
    std::array<std::uint32_t, 2 * kMostRows> winners;
    std::array<const T*, kMostRows> first, second;
};

void pair_here(const std::uint8_t* genomes, const std::uint32_t* winners, std::size_t width,
               std::size_t count, const std::uint8_t** first, const std::uint8_t** second) {
    static const auto here = choose_pair_narrow();
    here(genomes, winners, width, count, first, second);
}
// Two bytes a gene are rare enough to do without versions of their own.
void pair_here(const std::uint16_t* genomes, const std::uint32_t* winners, std::size_t width,
               std::size_t count, const std::uint16_t** first, const std::uint16_t** second) {
    pair_up(genomes, winners, width, count, first, second);
}

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

    // The share of the parents that goes with children `from` … end - 1: so their values are looked at on all
    // threads. It is a long run each time, as memory is read fastest in its order.
    std::size_t share(std::size_t from) const {
        return static_cast<std::size_t>(std::uint64_t{parents_.count} * from / children_.count);
    }
    // The first of them that holds a value beyond a gene's options, or none.
    std::size_t first_beyond(std::size_t from, std::size_t end) const {
        const std::size_t begin = share(from), rows = share(end) - begin;
        const std::size_t found = limit_.first_beyond(parents_.genomes + begin * width_, rows);
        return found == rows ? parents_.count : begin + found;
    }

    // Who the parents of one block's children are, `count` of them from `from` on.
    void pick(std::uint32_t from, std::size_t count, Picked<T>& picked) const {
        const auto each = static_cast<std::uint32_t>(each_);
        selector_->pick(source_, each * from, each_ * count, picked.winners.data());
        if (each_ == 2) {
            pair_here(parents_.genomes, picked.winners.data(), width_, count, picked.first.data(),
                      picked.second.data());
        } else {
            for (std::size_t i = 0; i < count; ++i)
                picked.first[i] = parents_.genomes + picked.winners[i] * width_;
        }
        if (!far_) return;
        for (std::size_t i = 0; i < count; ++i) prefetch_row(picked.first[i]);
        for (std::size_t i = 0; i < count && each_ == 2; ++i) prefetch_row(picked.second[i]);
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
std::size_t breed(const Layout& layout, const Parents<T>& parents, const Operators& operators,
                  const Source& source, const Threads& threads, const Children<T>& children) {
    const Breeder<T> breeder(layout, parents, operators, source, children);
    if (children.count == 0) return Limit<T>(layout).first_beyond(parents.genomes, parents.count);
    const std::size_t width = layout.width(), height = breeder.height();
    const std::size_t share = height * rows_of_block(breeder.work(), 16);
    std::atomic<std::size_t> beyond{parents.count};
    parallel_for(children.count, share, threads, [&](std::size_t begin, std::size_t end) {
        const std::size_t found = breeder.first_beyond(begin, end);
        for (std::size_t old = beyond; found < old && !beyond.compare_exchange_weak(old, found);) {
        }
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
    return beyond;
}

template std::size_t breed(const Layout&, const Parents<std::uint8_t>&, const Operators&, const Source&,
                           const Threads&, const Children<std::uint8_t>&);
template std::size_t breed(const Layout&, const Parents<std::uint16_t>&, const Operators&, const Source&,
                           const Threads&, const Children<std::uint16_t>&);

}  // namespace cambrian
