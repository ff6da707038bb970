// Changes of one edge of a mask, within its limits: an edge is set or cleared, or, where there may be no more
// or no fewer of them, moved.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

#include "cambrian/layout.hpp"

namespace cambrian {

class MaskFlips {
  public:
    MaskFlips(const Layout& layout, const Mask& mask)
        : bits_(std::countr_zero(static_cast<std::uint32_t>(column(layout, mask).options))),
          inputs_(column(layout, mask).inputs),
          least_(mask.least),
          most_(mask.most) {}

    // The bits that name anything, of a mask that names what comes before place `from`.
    std::uint32_t live(std::int32_t from) const {
        return (std::uint32_t{1} << std::min(bits_, from + inputs_)) - 1;
    }

    // As it is read: of more edges than there may be the farthest go, of fewer the nearest come.
    std::uint32_t repaired(std::uint32_t value, std::int32_t from) const {
        std::uint32_t named = value & live(from);
        while (std::popcount(named) > most_) named ^= std::bit_floor(named);
        while (std::popcount(named) < least_ && named != live(from)) named |= named + 1;
        return named | (value & ~live(from));
    }

    // Whether there is any change.
    bool free(std::uint32_t value, std::int32_t from) const {
        const std::uint32_t named = repaired(value, from) & live(from);
        return std::popcount(named) > least_ || named != live(from);
    }

    // A uniform edge, there or not, is changed; the other one of a move is uniform too. Only if it is free.
    template <class Words>
    std::uint32_t changed(std::uint32_t value, std::int32_t from, Words& words) const {
        value = repaired(value, from);
        while (true) {
            const std::uint32_t bit = pick(live(from), words), others = other_ends(value, bit, from);
            if (others == kNone) return value ^ bit;
            if (others != 0) return value ^ bit ^ pick(others, words);
        }
    }

    // All values that `changed` may give; some more than once.
    template <class Visit>
    void each(std::uint32_t value, std::int32_t from, Visit visit) const {
        value = repaired(value, from);
        for (std::uint32_t left = live(from); left != 0; left &= left - 1) {
            const std::uint32_t bit = left & (0 - left), others = other_ends(value, bit, from);
            if (others == kNone) visit(value ^ bit);
            for (std::uint32_t o = others == kNone ? 0 : others; o != 0; o &= o - 1)
                visit(value ^ bit ^ (o & (0 - o)));
        }
    }

  private:
    static constexpr std::uint32_t kNone = 0xFFFFFFFF;

    static const Column& column(const Layout& layout, const Mask& mask) {
        return layout.columns[static_cast<std::size_t>(mask.column)];
    }

    template <class Words>
    static std::uint32_t pick(std::uint32_t among, Words& words) {
        std::uint32_t skip = words.below(static_cast<std::uint32_t>(std::popcount(among)));
        for (; skip > 0; --skip) among &= among - 1;
        return among & (0 - among);
    }

    // With which others this bit can change places; kNone: it can change alone.
    std::uint32_t other_ends(std::uint32_t value, std::uint32_t bit, std::int32_t from) const {
        const std::uint32_t named = value & live(from);
        const bool set = (named & bit) != 0;
        const int count = std::popcount(named);
        if (set ? count > least_ : count < most_) return kNone;
        return set ? live(from) & ~named : named;
    }

    std::int32_t bits_, inputs_, least_, most_;
};

}  // namespace cambrian
