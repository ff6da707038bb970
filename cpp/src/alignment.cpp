#include "alignment.hpp"

#include <algorithm>
#include <array>
#include <bit>

#include "vector.hpp"

namespace cambrian {
namespace {

std::size_t at(std::int32_t index) {
    return static_cast<std::size_t>(index);
}

constexpr std::size_t kFew = 64;  // words that are cleared faster than those in use are found

using Word = std::uint16_t;
using Words = Pairs::Lanes<Word>;

CAMBRIAN_INLINE Word word(int value) {
    return static_cast<Word>(value);
}

// Of each slot of the first row, where the second does the same.
CAMBRIAN_INLINE void find_same(const Pairs& pairs, std::size_t most, Words* same) {
    Words used;
    for (std::size_t l = 0; l < used.size(); ++l) used[l] = word((1 << pairs.m[l]) - 1);
    for (std::size_t i = 0; i < most; ++i) {
        Words found{};
        for (std::size_t j = 0; j < most; ++j) {
            const Word bit = word(1 << j);
            for (std::size_t l = 0; l < found.size(); ++l) {
                const Word all = word(0 - static_cast<int>(pairs.first[i][l] == pairs.second[j][l]));
                found[l] = word(found[l] | (all & bit));
            }
        }
        for (std::size_t l = 0; l < found.size(); ++l) same[i][l] = word(found[l] & used[l]);
    }
}

// As Alignment::run_word does it.
CAMBRIAN_INLINE void find_stops(std::size_t most, Words* same, Words* stops) {
    Words row;
    row.fill(word(0xFFFF));
    for (std::size_t i = 0; i < most; ++i) {
        const Word beyond = word(~1 << i), short_of = word((1 << i) - 1);
        for (std::size_t l = 0; l < row.size(); ++l) {
            const Word v = row[l], matches = same[i][l], u = word(v & matches);
            const Word here = word(word(v + u) | word(v - u));
            Word costs = word(v ^ here);
            costs = word(costs ^ (costs << 1));
            costs = word(costs ^ (costs << 2));
            costs = word(costs ^ (costs << 4));
            costs = word(costs ^ (costs << 8));
            const Word left = word(beyond & here), up = word(short_of & ~costs), free = word(~(left | up));
            row[l] = here;
            stops[i][l] = word(~(left | (free & ~matches & costs)));
            same[i][l] = word(matches & free);
        }
    }
}

CAMBRIAN_INLINE void trace_back(Pairs& pairs, std::size_t most, const Words* same, const Words* stops) {
    Words before, matched{}, count{};
    before.fill(word(0xFFFF));
    for (std::size_t i = most; i-- > 0;) {
        const Word place = word(static_cast<int>(i));
        for (std::size_t l = 0; l < before.size(); ++l) {
            const Word inside = word(place < pairs.n[l] ? 0xFFFF : 0);
            Word reached = word(stops[i][l] & before[l]);  // and all columns to the left
            reached = word(reached | (reached >> 1));
            reached = word(reached | (reached >> 2));
            reached = word(reached | (reached >> 4));
            reached = word(reached | (reached >> 8));
            const Word match = word(same[i][l] & (reached ^ (reached >> 1)) & inside);
            before[l] = word(((reached ^ match) & inside) | (before[l] & ~inside));
            matched[l] = word(matched[l] | match);
            count[l] = word(count[l] + (match != 0 ? 1 : 0));
            pairs.first_matched[i][l] = static_cast<std::uint8_t>(match != 0 ? 1 : 0);
        }
    }
    for (std::size_t j = 0; j < most; ++j) {
        for (std::size_t l = 0; l < matched.size(); ++l)
            pairs.second_matched[j][l] = static_cast<std::uint8_t>((matched[l] >> j) & 1);
    }
    for (std::size_t l = 0; l < count.size(); ++l) pairs.count[l] = static_cast<std::uint8_t>(count[l]);
}

CAMBRIAN_INLINE void align_lanes(Pairs& pairs, std::size_t most) {
    std::array<Words, Pairs::kMost> same, stops;
    find_same(pairs, most, same.data());
    find_stops(most, same.data(), stops.data());
    Words differ;
    for (std::size_t l = 0; l < differ.size(); ++l) differ[l] = word(pairs.n[l] ^ pairs.m[l]);
    for (std::size_t s = 0; s < most; ++s) {
        const Word place = word(static_cast<int>(s));
        for (std::size_t l = 0; l < differ.size(); ++l) {
            const Word here = word(pairs.first[s][l] ^ pairs.second[s][l]);
            differ[l] = word(differ[l] | (place < pairs.n[l] ? here : 0));
        }
    }
    for (std::size_t l = 0; l < differ.size(); ++l)
        pairs.equal[l] = static_cast<std::uint8_t>(differ[l] == 0 ? 1 : 0);
    trace_back(pairs, most, same.data(), stops.data());
}
CAMBRIAN_VERSIONS(void, align_lanes, (Pairs & pairs, std::size_t most), (pairs, most))

}  // namespace

void align(Pairs& pairs, std::size_t most) {
    static const auto lanes = choose_align_lanes();
    lanes(pairs, most);
}

Alignment::Alignment(std::int32_t most, std::int32_t operations)
    : words_(at(most + 63) / 64), rows_(at(most + 1) * words_), where_(at(operations) * words_) {}

// Of up to 64 slots, which is nearly always: what would be done at each column of a row is found for all of
// them at once, so that a row takes one step.
template <class T>
std::int32_t Alignment::run_word(const Operations<T>& first, std::int32_t n, const Operations<T>& second,
                                 std::int32_t m, std::uint8_t* first_matched, std::uint8_t* second_matched) {
    std::uint64_t* where = where_.data();
    std::array<std::uint64_t, 65> rows, same, stops;
    for (std::int32_t j = 0; j < m; ++j) where[second[j]] |= std::uint64_t{1} << j;
    rows[0] = ~std::uint64_t{0};
    for (std::int32_t i = 0; i < n; ++i) {
        const std::uint64_t v = rows[at(i)], matches = where[first[i]], u = v & matches;
        same[at(i)] = matches;
        rows[at(i) + 1] = (v + u) | (v - u);
    }
    if (where_.size() <= kFew)
        std::fill(where_.begin(), where_.end(), std::uint64_t{0});
    else
        for (std::int32_t j = 0; j < m; ++j) where[second[j]] = 0;
    for (std::int32_t i = 0; i < n; ++i) {
        const std::uint64_t here = rows[at(i) + 1];
        std::uint64_t costs =
            rows[at(i)] ^ here;  // a step up, where the bits up to the column have odd parity
        for (int shift = 1; shift < 64; shift *= 2) costs ^= costs << shift;
        const std::uint64_t beyond = ~std::uint64_t{1} << i, short_of = (std::uint64_t{1} << i) - 1;
        const std::uint64_t left = beyond & here, up = short_of & ~costs, free = ~(left | up);
        stops[at(i)] = ~(left | (free & ~same[at(i)] & costs));
        same[at(i)] &= free;
    }
    std::int32_t pairs = 0;
    std::uint64_t before = m == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << m) - 1;  // columns to the left
    for (std::int32_t i = n; i-- > 0 && (stops[at(i)] & before) != 0;) {
        const auto column = static_cast<int>(std::bit_width(stops[at(i)] & before)) - 1;
        const std::uint64_t match = (same[at(i)] >> column) & 1;
        before = (std::uint64_t{2} << column) - 1 - (match << column);
        first_matched[i] = static_cast<std::uint8_t>(match);
        second_matched[column] = static_cast<std::uint8_t>(match);
        pairs += static_cast<std::int32_t>(match);
    }
    return pairs;
}

template <class T>
void Alignment::fill(const Operations<T>& first, std::int32_t n, const Operations<T>& second,
                     std::int32_t m) {
    for (std::int32_t j = 0; j < m; ++j)
        where_[at(second[j]) * words_ + at(j / 64)] |= std::uint64_t{1} << j % 64;
    std::fill_n(row(0), words_, ~std::uint64_t{0});
    for (std::int32_t i = 0; i < n; ++i) {
        const std::uint64_t* matches = where_.data() + at(first[i]) * words_;
        const std::uint64_t* above = row(i);
        std::uint64_t* here = row(i + 1);
        std::uint64_t carry = 0;
        for (std::size_t w = 0; w < words_; ++w) {
            const std::uint64_t v = above[w], u = v & matches[w], sum = v + u, all = sum + carry;
            carry = std::uint64_t{sum < v} | std::uint64_t{all < sum};
            here[w] = all | (v & ~matches[w]);
        }
    }
    for (std::int32_t j = 0; j < m; ++j) std::fill_n(where_.data() + at(second[j]) * words_, words_, 0);
}

// The first i and j operations match as often as the first i and j - 1.
bool Alignment::left_is_free(std::int32_t i, std::int32_t j) {
    return ((row(i)[at(j - 1) / 64] >> (at(j - 1) % 64)) & 1) != 0;
}

// … as the first i - 1 and j: from row to row a zero only moves left, so the number of zeros before j differs
// by at most one.
bool Alignment::up_is_free(std::int32_t i, std::int32_t j) {
    const std::uint64_t *here = row(i), *above = row(i - 1);
    int zeros = 0;
    std::size_t w = 0;
    for (; w < at(j) / 64; ++w) zeros += std::popcount(here[w] ^ above[w]);
    if (j % 64 != 0) zeros += std::popcount((here[w] ^ above[w]) << (64 - j % 64));
    return zeros % 2 == 0;
}

template <class T>
std::int32_t Alignment::run(const Operations<T>& first, std::int32_t n, const Operations<T>& second,
                            std::int32_t m, std::uint8_t* first_matched, std::uint8_t* second_matched) {
    if (words_ == 1) return run_word(first, n, second, m, first_matched, second_matched);
    fill(first, n, second, m);
    std::int32_t i = n, j = m, pairs = 0;
    while (i > 0 && j > 0) {
        if (j > i && left_is_free(i, j)) {
            --j;
        } else if (i > j && up_is_free(i, j)) {
            --i;
        } else if (first[i - 1] == second[j - 1]) {
            first_matched[--i] = second_matched[--j] = 1;
            ++pairs;
        } else if (up_is_free(i, j)) {
            --i;
        } else {
            --j;
        }
    }
    return pairs;
}

template std::int32_t Alignment::run(const Operations<std::uint8_t>&, std::int32_t,
                                     const Operations<std::uint8_t>&, std::int32_t, std::uint8_t*,
                                     std::uint8_t*);
template std::int32_t Alignment::run(const Operations<std::uint16_t>&, std::int32_t,
                                     const Operations<std::uint16_t>&, std::int32_t, std::uint8_t*,
                                     std::uint8_t*);

}  // namespace cambrian
