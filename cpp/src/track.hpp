// Where the slots of two parents go in a child whose matched slots stay together.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "alignment.hpp"
#include "cambrian/layout.hpp"
#include "cambrian/rng.hpp"

namespace cambrian {

// What becomes of one repeat in a child. Slots of both parents are numbered through: those of the first from
// 0 on, those of the second from the repeat's max on. Gap g lies before the g-th matched pair.
struct Track {
    Alignment alignment;
    bool aligned = false;  // each slot is matched with the one at its place
    std::int32_t pairs = 0;
    std::int32_t length = 0;
    std::int32_t lengths[2] = {0, 0};     // of the parents
    const std::uint8_t* matched[2] = {};  // of each parent's slots, 1 or 0, every `stride`-th
    std::size_t stride = 1;
    Pairs pairings{};  // of many children together, if slots are few
    std::vector<std::uint8_t> one_by_one;
    std::vector<std::uint32_t> coins;
    std::vector<std::uint8_t> swapped;   // whether the second parent fills a gap
    std::vector<std::int32_t> added[2];  // unmatched slots of each parent in the child up to the end of a gap
    std::vector<std::int32_t> home[2];   // of each slot of the child: where it comes from
    std::vector<std::int32_t> place;     // where the child has each slot

    Track(std::int32_t most, std::int32_t operations);

    // What was found for this child together with others.
    void take(std::size_t lane);
    // Which parent fills each gap: the second with the chance `swap`. Those filled by the second are given
    // back to the first, from the last on, until the length is one that the repeat can have.
    void fill_gaps(const Repeat& repeat, std::int32_t n, std::int32_t m, const Chance& swap, Words& words);

  private:
    std::int32_t count(std::int32_t slots);
    std::int32_t settle(std::int32_t slots, std::int32_t most, int parent);
};

}  // namespace cambrian
