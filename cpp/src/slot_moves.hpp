// Changes to the slots of one repeat of a genome that draw nothing. References and masks keep naming the
// slots that they named.
#pragma once

#include <algorithm>
#include <cstdint>

#include "slots.hpp"

namespace cambrian {

template <class T>
class SlotMoves {
  public:
    SlotMoves(const SlotShape& shape, T* genome, std::int32_t length)
        : shape_(shape), genome_(genome), length_(length), width_(shape.repeat.width) {}

    void remove(std::int32_t place) { shift(place + 1, -1); }

    // The copy follows its original, and references to that stay there.
    void duplicate(std::int32_t place) {
        shift(place + 1, 1);
        std::copy_n(slot(place), width_, slot(place + 1));
        shape_.move_references(slot(place + 1), place, place + 1, [](std::int32_t t) { return t; });
    }

    void swap(std::int32_t one, std::int32_t two) {
        std::swap_ranges(slot(one), slot(one) + width_, slot(two));
        const auto swapped = [=](std::int32_t t) { return t == one ? two : t == two ? one : t; };
        for (std::int32_t s = std::min(one, two); s < length_; ++s)
            shape_.move_references(slot(s), swapped(s), s, swapped);
        shape_.move_ends(genome_, length_, length_, swapped);
    }

  protected:
    T* slot(std::int32_t number) const { return shape_.slot(genome_, number); }

    // Slots from `place` on go `step` further; what named the one before them by then gone names what is
    // there.
    void shift(std::int32_t place, std::int32_t step) {
        if (step > 0)
            std::copy_backward(slot(place), slot(length_), slot(length_ + step));
        else
            std::copy(slot(place), slot(length_), slot(place + step));
        const auto position = [=](std::int32_t t) { return t < place - (step < 0 ? 1 : 0) ? t : t + step; };
        for (std::int32_t s = place; s < length_; ++s)
            shape_.move_references(slot(s + step), s, s + step, position);
        shape_.move_ends(genome_, length_, length_ + step, position);
        length_ += step;
        shape_.set_length(genome_, length_);
    }

    const SlotShape& shape_;
    T* genome_;
    std::int32_t length_;
    std::int32_t width_;
};

}  // namespace cambrian
