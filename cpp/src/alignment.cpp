#include "alignment.hpp"

#include <algorithm>

namespace cambrian {
namespace {

std::size_t at(std::int32_t index) {
    return static_cast<std::size_t>(index);
}

bool parity(std::uint64_t x) {
    x ^= x >> 32;
    x ^= x >> 16;
    x ^= x >> 8;
    x ^= x >> 4;
    return ((0x6996U >> (x & 15)) & 1) != 0;
}

}  // namespace

Alignment::Alignment(std::int32_t most, std::int32_t operations)
    : words_(at(most + 63) / 64), rows_(at(most + 1) * words_), where_(at(operations) * words_) {}

// Of up to 64 slots, which is nearly always.
void Alignment::fill_word(const std::int32_t* first, std::int32_t n, const std::int32_t* second,
                          std::int32_t m) {
    for (std::int32_t j = 0; j < m; ++j) where_[at(second[j])] |= std::uint64_t{1} << j;
    std::uint64_t v = ~std::uint64_t{0};
    rows_[0] = v;
    for (std::int32_t i = 0; i < n; ++i) {
        const std::uint64_t u = v & where_[at(first[i])];
        v = (v + u) | (v - u);
        rows_[at(i + 1)] = v;
    }
    for (std::int32_t j = 0; j < m; ++j) where_[at(second[j])] = 0;
}

void Alignment::fill(const std::int32_t* first, std::int32_t n, const std::int32_t* second, std::int32_t m) {
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
    return ((row(i)[(j - 1) / 64] >> (j - 1) % 64) & 1) != 0;
}

// … as the first i - 1 and j: from row to row a zero only moves left, so the number of zeros before j differs
// by at most one.
bool Alignment::up_is_free(std::int32_t i, std::int32_t j) {
    const std::uint64_t *here = row(i), *above = row(i - 1);
    std::uint64_t change = 0;
    std::int32_t w = 0;
    for (; w < j / 64; ++w) change ^= here[w] ^ above[w];
    if (j % 64 != 0) change ^= (here[w] ^ above[w]) << (64 - j % 64);
    return !parity(change);
}

void Alignment::run(const std::int32_t* first, std::int32_t n, const std::int32_t* second, std::int32_t m,
                    std::int32_t* partner) {
    std::fill_n(partner, n, -1);
    if (n == m && std::equal(first, first + n, second)) {
        for (std::int32_t i = 0; i < n; ++i) partner[i] = i;
        return;
    }
    if (words_ == 1)
        fill_word(first, n, second, m);
    else
        fill(first, n, second, m);
    std::int32_t i = n, j = m;
    while (i > 0 && j > 0) {
        if (j > i && left_is_free(i, j)) {
            --j;
        } else if (i > j && up_is_free(i, j)) {
            --i;
        } else if (first[i - 1] == second[j - 1]) {
            partner[--i] = --j;
        } else if (up_is_free(i, j)) {
            --i;
        } else {
            --j;
        }
    }
}

}  // namespace cambrian
