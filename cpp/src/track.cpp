#include "track.hpp"

#include <algorithm>

#include "bits.hpp"

namespace cambrian {
namespace {

constexpr std::size_t kFew = 16;

}  // namespace

Track::Track(std::int32_t most, std::int32_t operations) : alignment(most, operations) {
    const std::size_t size = static_cast<std::size_t>(most) + 1;
    for (int parent = 0; parent < 2; ++parent) {
        added[parent].resize(size);
        home[parent].resize(2 * size);  // before the length is made to fit
    }
    coins.resize(bit_words(size));
    swapped.resize(std::max(size, kFew));
    one_by_one.resize(2 * size);
    place.resize(2 * size);
}

void Track::take(std::size_t lane) {
    aligned = pairings.equal[lane] != 0;
    pairs = pairings.count[lane];
    stride = Pairs::kLanes;
    matched[0] = pairings.first_matched[0].data() + lane;
    matched[1] = pairings.second_matched[0].data() + lane;
}

void Track::fill_gaps(const Repeat& repeat, std::int32_t n, std::int32_t m, const Chance& swap,
                      Words& words) {
    const std::size_t gaps = static_cast<std::size_t>(pairs) + 1;
    fill_bits(swap, gaps, words, coins.data());
    // Of a number that is always the same, so that no loop's end is guessed wrong.
    const std::size_t some = gaps <= kFew ? kFew : gaps;
    for (std::size_t gap = 0; gap < some; ++gap) swapped[gap] = has_bit(coins.data(), gap) ? 1 : 0;
    for (std::size_t last = gaps;;) {
        length = pairs + count(m) + settle(n, repeat.max, 0);
        if (length >= repeat.min && length <= repeat.max) break;
        do --last;
        while (swapped[last] == 0);
        swapped[last] = 0;
    }
    settle(m, repeat.max, 1);
}

// Of the second parent's unmatched slots, those that the child gets; `added` holds how many up to each gap's
// end.
std::int32_t Track::count(std::int32_t slots) {
    // All in locals: what is written could otherwise be any of them.
    const std::uint8_t *pair_of = matched[1], *fills = swapped.data();
    std::int32_t* sums = added[1].data();
    const std::size_t step = stride;
    std::int32_t sum = 0;
    std::size_t gap = 0;
    for (std::int32_t s = 0; s < slots; ++s, pair_of += step) {
        const int pair = *pair_of;
        sum += fills[gap] & (1 - pair);
        sums[gap] = sum;
        gap += static_cast<std::size_t>(pair);
    }
    sums[gap] = sum;
    return sum;
}

// Where each of one parent's slots goes: after those of its own that are there, and the other's unmatched
// ones up to this gap. One that does not is written all the same, where the next matched slot overwrites it.
// Returns how many unmatched ones go anywhere, which `added` holds for each gap's end.
std::int32_t Track::settle(std::int32_t slots, std::int32_t most, int parent) {
    const std::uint8_t *pair_of = matched[parent], *fills = swapped.data();
    const std::int32_t* others = added[1 - parent].data();
    std::int32_t* sums = added[parent].data();
    std::int32_t *own = home[parent].data(), *other = home[1 - parent].data();
    std::int32_t* places = place.data() + parent * most;
    const std::int32_t nowhere = 2 * most + 1, wrong = 1 - parent;
    const std::size_t step = stride;
    std::int32_t sum = 0, gap = 0, last = -1, number = parent * most;
    for (std::int32_t s = 0; s < slots; ++s, ++number, pair_of += step) {
        const std::int32_t pair = *pair_of, alone = (fills[gap] ^ wrong) & (1 - pair);
        const std::int32_t to = sum + gap + others[gap];
        own[to] = number;
        other[nowhere ^ ((to ^ nowhere) & -alone)] = number;
        places[s] = last ^ ((to ^ last) & -(alone | pair));
        last ^= (to ^ last) & -pair;
        sum += alone;
        sums[gap] = sum;
        gap += pair;
    }
    sums[gap] = sum;
    return sum;
}

}  // namespace cambrian
