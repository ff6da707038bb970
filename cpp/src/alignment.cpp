#include "alignment.hpp"

#include <algorithm>
#include <array>
#include <bit>

namespace cambrian {
namespace {

std::size_t at(std::int32_t index) {
    return static_cast<std::size_t>(index);
}

constexpr std::size_t kFew = 64;  // words that are cleared faster than those in use are found

}  // namespace

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
