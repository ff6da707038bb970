// Slots of a repeat as things that move, and the references between them.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

#include "cambrian/layout.hpp"

namespace cambrian {

struct SlotReference {
    std::int32_t offset;  // column within the slot
    std::int32_t reach;   // the largest distance it can name
    std::int32_t inputs;
    std::int32_t zero;  // the distance that option 0 stands for; 0: nothing is named

    // What `value` names from a slot; an input: below 0.
    std::int32_t target(std::int32_t value, std::int32_t slot) const {
        return std::max(slot - value - zero, -inputs);
    }

    // What names from slot `to` the slot that `value` named from slot `from`, each old slot t >= 0 being now
    // at position(t): the nearest that can be reached. A value that still names it stays.
    template <class Position>
    std::int32_t moved(std::int32_t value, std::int32_t from, std::int32_t to, Position position) const {
        // Without branches, as no CPU could predict them.
        const std::int32_t distance = value + zero, old = std::max(from - distance, -inputs);
        const std::int32_t place = position(std::max(old, 0));
        const std::int32_t target = choose(old < 0, old, place);
        const std::int32_t nearest = std::min(std::max(to - target, 1), reach) - zero;
        const bool stays = (distance == 0) | (std::max(to - distance, -inputs) == target);
        return choose(stays, value, nearest);
    }

    static std::int32_t choose(bool first, std::int32_t one, std::int32_t other) {
        return other ^ ((one ^ other) & -static_cast<std::int32_t>(first));
    }
};

// A mask of a repeat's slots and inputs: in each slot, or beside the repeat.
struct SlotMask {
    std::int32_t offset;  // column within the slot; beside: column of the genome
    std::int32_t bits;
    std::int32_t inputs;

    // What names from place `to` the slots that `value` named from place `from`; see SlotReference. Those
    // that can't be reached fall away. Bits beyond the inputs name nothing, and stay where nothing moves.
    template <class Position>
    std::int32_t moved(std::uint32_t value, std::int32_t from, std::int32_t to, Position position) const {
        std::uint32_t result = 0;
        for (std::uint32_t left = value; left != 0; left &= left - 1) {
            const std::int32_t distance = std::countr_zero(left) + 1, old = from - distance;
            const std::int32_t target = old < 0 ? old : position(old), now = to - target;
            if (now >= 1 && now <= bits) result |= std::uint32_t{1} << (now - 1);
        }
        return static_cast<std::int32_t>(result);
    }
};

// What the slots of a repeat have in common.
struct SlotShape {
    Repeat repeat;
    std::vector<SlotReference> references;  // of this repeat, not of those inside
    std::vector<SlotMask> masks;            // in each slot, of this repeat
    std::vector<SlotMask> ends;             // beside it
    bool alike = true;                      // all slots have the same options

    SlotShape(const Layout& layout, const Repeat& repeat);

    template <class T>
    std::int32_t length(const T* genome) const {
        return repeat.min + (repeat.length_column < 0 ? 0 : std::int32_t{genome[repeat.length_column]});
    }
    template <class T>
    void set_length(T* genome, std::int32_t length) const {
        if (repeat.length_column >= 0) genome[repeat.length_column] = static_cast<T>(length - repeat.min);
    }
    template <class T>
    T* slot(T* genome, std::int32_t number) const {
        return genome + repeat.first + number * repeat.width;
    }

    // The references of a slot that came from slot `from`.
    template <class T, class Position>
    void move_references(T* slot, std::int32_t from, std::int32_t to, Position position) const {
        for (const SlotReference& reference : references) {
            T& value = slot[reference.offset];
            value = static_cast<T>(reference.moved(value, from, to, position));
        }
        for (const SlotMask& mask : masks) {
            T& value = slot[mask.offset];
            value = static_cast<T>(mask.moved(value, from, to, position));
        }
    }

    // The masks beside the repeat, of a genome with slots that came from a place with `from` of them.
    template <class T, class Position>
    void move_ends(T* genome, std::int32_t from, std::int32_t to, Position position) const {
        for (const SlotMask& mask : ends) {
            T& value = genome[mask.offset];
            value = static_cast<T>(mask.moved(value, from, to, position));
        }
    }
};

}  // namespace cambrian
