#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "cambrian/pareto.hpp"
#include "pareto_rows.hpp"
#include "radix.hpp"

namespace cambrian {
namespace {

using Order = std::vector<std::uint32_t>;

// The fronts as ranges: front f has start[f] … start[f + 1] - 1 of an order by rank.
struct FrontRanges {
    FrontRanges(const FiniteRows& rows, const std::int64_t* rank, RadixSort& sort) : of(rows.size()) {
        std::vector<std::uint64_t> key(rows.size());
        for (std::size_t i = 0; i < rows.size(); ++i) {
            key[i] = static_cast<std::uint64_t>(rank[rows.row[i]]) ^ std::uint64_t{1} << 63;
        }
        Order order(rows.size());
        std::iota(order.begin(), order.end(), 0U);
        sort(key.data(), 1, order);
        for (std::size_t i = 0; i < order.size(); ++i) {
            if (i == 0 || key[order[i]] != key[order[i - 1]]) start.push_back(static_cast<std::uint32_t>(i));
            of[order[i]] = static_cast<std::uint32_t>(start.size() - 1);
        }
        start.push_back(static_cast<std::uint32_t>(order.size()));
    }

    std::vector<std::uint32_t> start;
    std::vector<std::uint32_t> of;  // each row's front
};

// One objective of one front: `members` of them, by value.
void add_gaps(const std::uint32_t* member, const double* value, std::size_t members, double* distance) {
    const double low = value[0], high = value[members - 1];
    distance[member[0]] = distance[member[members - 1]] = std::numeric_limits<double>::infinity();
    // Halved where the range itself would overflow.
    const double scale = std::isinf(high - low) ? 0.5 : 1.0;
    const double range = high * scale - low * scale;
    if (range == 0.0) return;
    for (std::size_t i = 1; i + 1 < members; ++i) {
        distance[member[i]] += (value[i + 1] * scale - value[i - 1] * scale) / range;
    }
}

}  // namespace

void crowding(const double* cost, const std::int64_t* rank, std::size_t n, std::size_t objectives,
              double* distance) {
    std::fill_n(distance, n, 0.0);
    const FiniteRows rows(cost, n, objectives);
    RadixSort sort;
    const FrontRanges fronts(rows, rank, sort);
    Order order(rows.size()), member(rows.size());
    std::vector<double> value(rows.size());
    for (std::size_t j = 0; j < objectives; ++j) {
        std::iota(order.begin(), order.end(), 0U);
        sort(rows.bits.get() + j, objectives, order);
        // By front, and within each as sorted.
        std::vector<std::uint32_t> next(fronts.start.begin(), fronts.start.end() - 1);
        for (const std::uint32_t i : order) {
            const std::uint32_t at = next[fronts.of[i]]++;
            member[at] = rows.row[i];
            value[at] = from_ordered_bits(rows[i][j]);
        }
        for (std::size_t f = 0; f + 1 < fronts.start.size(); ++f) {
            const std::uint32_t from = fronts.start[f];
            add_gaps(&member[from], &value[from], fronts.start[f + 1] - from, distance);
        }
    }
}

}  // namespace cambrian
