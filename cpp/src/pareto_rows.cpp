#include "pareto_rows.hpp"

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <string>

#include "radix.hpp"

namespace cambrian {
namespace {

constexpr std::uint64_t kLowest = 0x0010000000000000;   // ordered bits of the most negative finite number
constexpr std::uint64_t kHighest = 0xFFEFFFFFFFFFFFFF;  // of the largest

// Rows in lexicographic order. Where few share a first cost, only those are sorted by the other objectives.
std::vector<std::uint32_t> lexicographic(const FiniteRows& copy) {
    const std::size_t n = copy.row.size();
    std::vector<std::uint32_t> order(n);
    std::iota(order.begin(), order.end(), 0U);
    RadixSort sort;
    sort(copy.bits.get(), copy.width, order);
    const auto ties = [&](std::size_t i) { return *copy[order[i]] == *copy[order[i - 1]]; };
    std::size_t tied = 0;
    for (std::size_t i = 1; i < n; ++i) tied += ties(i);
    if (tied == 0 || copy.width == 1) return order;
    if (tied > n / 16) {
        for (std::size_t j = copy.width; j-- > 0;) sort(copy.bits.get() + j, copy.width, order);
        return order;
    }
    const auto before = [&](std::uint32_t a, std::uint32_t b) {
        return std::lexicographical_compare(copy[a], copy[a] + copy.width, copy[b], copy[b] + copy.width);
    };
    for (std::size_t from = 0, to = 0; from < n; from = to) {
        for (to = from + 1; to < n && ties(to);) ++to;
        if (to - from == 1) continue;
        std::sort(order.begin() + static_cast<std::ptrdiff_t>(from),
                  order.begin() + static_cast<std::ptrdiff_t>(to), before);
    }
    return order;
}

}  // namespace

FiniteRows::FiniteRows(const double* cost, std::size_t n, std::size_t objectives)
    : width(objectives), bits(new std::uint64_t[n * objectives]) {
    if (n >= std::numeric_limits<std::uint32_t>::max()) {
        throw std::invalid_argument("cost: expected fewer than 2**32 - 1 rows, got " + std::to_string(n));
    }
    row.reserve(n);
    for (std::size_t i = 0; i < n; ++i) {
        std::uint64_t* to = bits.get() + row.size() * width;
        bool finite = true;
        for (std::size_t j = 0; j < width; ++j) {
            to[j] = ordered_bits(cost[i * width + j]);
            finite &= (to[j] >= kLowest) & (to[j] <= kHighest);
        }
        if (finite) row.push_back(static_cast<std::uint32_t>(i));
    }
}

ParetoRows::ParetoRows(const double* cost, std::size_t n, std::size_t objectives) {
    const FiniteRows copy(cost, n, objectives);
    const std::vector<std::uint32_t> order = lexicographic(copy);
    columns.resize(objectives);
    for (auto& column : columns) column.resize(order.size());
    row.resize(order.size());
    start.reserve(order.size() + 1);
    for (std::size_t i = 0; i < order.size(); ++i) {
        const std::uint64_t* from = copy[order[i]];
        row[i] = copy.row[order[i]];
        if (i > 0 && std::equal(from, from + objectives, copy[order[i - 1]])) continue;
        for (std::size_t j = 0; j < objectives; ++j) columns[j][start.size()] = from[j];
        start.push_back(static_cast<std::uint32_t>(i));
    }
    for (auto& column : columns) column.resize(start.size());
    start.push_back(static_cast<std::uint32_t>(order.size()));
}

}  // namespace cambrian
