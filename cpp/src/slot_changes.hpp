// The changes that a structural mutation makes to the slots of one repeat of a genome.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "bits.hpp"
#include "slots.hpp"

namespace cambrian {

template <class T>
class SlotChanges {
  public:
    // `bounds`: the options of each column of a slot. `scratch`: any memory.
    SlotChanges(const SlotShape& shape, const std::vector<Bound>& bounds, T* genome, std::int32_t length,
                Words& words, std::vector<std::uint32_t>& scratch)
        : shape_(shape),
          bounds_(bounds),
          genome_(genome),
          length_(length),
          width_(shape.repeat.width),
          words_(words),
          bits_(scratch) {}

    void insert() {
        const std::int32_t place = below(length_ + 1);
        shift(place, 1);
        T* fresh = slot(place);
        for (std::int32_t i = 0; i < width_; ++i) fresh[i] = drawn(i);
    }

    void remove() {
        const std::int32_t place = below(length_);
        shift(place + 1, -1);
    }

    // The copy follows its original, and references to that stay there.
    std::int32_t duplicate() {
        const std::int32_t place = below(length_);
        shift(place + 1, 1);
        std::copy_n(slot(place), width_, slot(place + 1));
        shape_.move_references(slot(place + 1), place, place + 1, [](std::int32_t t) { return t; });
        return place;
    }

    // Each gene goes to one of two neighbours; the other's is drawn.
    void split() {
        const std::int32_t place = duplicate();
        draw_bits();
        T *first = slot(place), *second = slot(place + 1);
        for (std::int32_t i = 0; i < width_; ++i) {
            (has_bit(bits_.data(), static_cast<std::size_t>(i)) ? first : second)[i] = drawn(i);
        }
    }

    void merge() {
        const std::int32_t place = below(length_ - 1);
        draw_bits();
        T* first = slot(place);
        const T* second = slot(place + 1);
        for (std::int32_t i = 0; i < width_; ++i) {
            if (has_bit(bits_.data(), static_cast<std::size_t>(i))) first[i] = second[i];
        }
        for (const SlotReference& reference : shape_.references) {
            if (!has_bit(bits_.data(), static_cast<std::size_t>(reference.offset))) continue;
            T& value = first[reference.offset];
            value =
                static_cast<T>(reference.moved(value, place + 1, place, [](std::int32_t t) { return t; }));
        }
        for (const SlotMask& mask : shape_.masks) {
            if (!has_bit(bits_.data(), static_cast<std::size_t>(mask.offset))) continue;
            T& value = first[mask.offset];
            value = static_cast<T>(mask.moved(value, place + 1, place, [](std::int32_t t) { return t; }));
        }
        shift(place + 2, -1);
    }

    void move(std::vector<T>& room) {
        const std::int32_t from = below(length_);
        const std::int32_t to = other(from);
        room.assign(slot(from), slot(from) + width_);
        const std::int32_t step = from < to ? 1 : -1;
        if (step > 0)
            std::copy(slot(from + 1), slot(to + 1), slot(from));
        else
            std::copy_backward(slot(to), slot(from), slot(from + 1));
        std::copy(room.begin(), room.end(), slot(to));
        const std::int32_t low = std::min(from, to), high = std::max(from, to);
        const auto position = [=](std::int32_t t) {
            return t == from ? to : t < low || t > high ? t : t - step;
        };
        for (std::int32_t s = low; s < length_; ++s) {
            const std::int32_t was = s == to ? from : s > high ? s : s + step;
            shape_.move_references(slot(s), was, s, position);
        }
        shape_.move_ends(genome_, length_, length_, position);
    }

    void swap() {
        const std::int32_t one = below(length_);
        const std::int32_t two = other(one);
        std::swap_ranges(slot(one), slot(one) + width_, slot(two));
        const auto swapped = [=](std::int32_t t) { return t == one ? two : t == two ? one : t; };
        for (std::int32_t s = std::min(one, two); s < length_; ++s)
            shape_.move_references(slot(s), swapped(s), s, swapped);
        shape_.move_ends(genome_, length_, length_, swapped);
    }

  private:
    T* slot(std::int32_t number) const { return shape_.slot(genome_, number); }
    std::int32_t below(std::int32_t bound) {
        return static_cast<std::int32_t>(words_.below(static_cast<std::uint32_t>(bound)));
    }
    std::int32_t other(std::int32_t one) {
        const std::int32_t two = below(length_ - 1);
        return two + (two >= one ? 1 : 0);
    }
    T drawn(std::int32_t offset) {
        return static_cast<T>(words_.below(bounds_[static_cast<std::size_t>(offset)]));
    }
    void draw_bits() {
        bits_.resize(bit_words(static_cast<std::size_t>(width_)));
        for (std::uint32_t& word : bits_) word = words_.word();
    }

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
    const std::vector<Bound>& bounds_;
    T* genome_;
    std::int32_t length_;
    std::int32_t width_;
    Words& words_;
    std::vector<std::uint32_t>& bits_;
};

}  // namespace cambrian
