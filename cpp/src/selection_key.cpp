#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "cambrian/pareto.hpp"
#include "radix.hpp"

namespace cambrian {
namespace {

using Bits = std::vector<std::uint64_t>;

constexpr std::uint64_t kInfeasible = std::numeric_limits<std::uint64_t>::max();

// What rows are compared by: `coarse` first, then `fine`; lower is better.
struct Keys {
    Bits coarse, fine;
    std::vector<std::uint32_t> rows;  // those that haven't failed
};

bool failed(const double* row, std::size_t objectives, double violation) {
    return std::isnan(violation) || std::any_of(row, row + objectives, [=](double x) {
               return std::isnan(x) || (objectives > 1 && std::isinf(x));
           });
}

Keys make_keys(const double* cost, std::size_t n, std::size_t objectives, const double* violation,
               std::size_t stop, const std::function<void()>& poll) {
    std::vector<double> own(cost, cost + n * objectives);
    Keys keys{Bits(n), Bits(n), {}};
    keys.rows.reserve(n);
    for (std::size_t i = 0; i < n; ++i) {
        double* row = own.data() + i * objectives;
        const double beyond = violation == nullptr ? 0.0 : violation[i];
        if (failed(row, objectives, beyond)) continue;
        keys.rows.push_back(static_cast<std::uint32_t>(i));
        keys.fine[i] = ordered_bits(beyond > 0.0 ? beyond : row[0]);
        if (!(beyond > 0.0)) continue;
        keys.coarse[i] = kInfeasible;
        std::fill_n(row, objectives, std::numeric_limits<double>::quiet_NaN());
    }
    if (objectives == 1) return keys;
    std::vector<std::int64_t> rank(n);
    std::vector<double> distance(n);
    nondominated_rank(own.data(), n, objectives, stop, rank.data(), poll);
    crowding(own.data(), rank.data(), n, objectives, distance.data());
    for (const std::uint32_t i : keys.rows) {
        if (keys.coarse[i] == kInfeasible) continue;
        keys.coarse[i] = static_cast<std::uint64_t>(rank[i]);
        keys.fine[i] = ordered_bits(-distance[i]);
    }
    return keys;
}

void check_rows(std::size_t n) {
    if (n >= std::numeric_limits<std::uint32_t>::max()) {
        throw std::invalid_argument("expected fewer than 2**32 - 1 rows, got " + std::to_string(n));
    }
}

}  // namespace

void selection_key(const double* cost, std::size_t n, std::size_t objectives, const double* violation,
                   std::size_t stop, double* key, const std::function<void()>& poll) {
    check_rows(n);
    Keys keys = make_keys(cost, n, objectives, violation, stop, poll);
    RadixSort sort;
    sort(keys.fine.data(), 1, keys.rows);
    sort(keys.coarse.data(), 1, keys.rows);
    std::fill_n(key, n, std::numeric_limits<double>::quiet_NaN());
    double place = 0.0;
    for (std::size_t i = 0; i < keys.rows.size(); ++i) {
        const std::uint32_t row = keys.rows[i];
        if (i > 0) {
            const std::uint32_t last = keys.rows[i - 1];
            place += keys.coarse[row] != keys.coarse[last] || keys.fine[row] != keys.fine[last];
        }
        key[row] = place;
    }
}

void best_rows(const double* key, std::size_t n, std::size_t count, std::int64_t* best) {
    check_rows(n);
    Bits bits(n);
    std::vector<std::uint32_t> order(n);
    std::iota(order.begin(), order.end(), 0U);
    for (std::size_t i = 0; i < n; ++i) {
        const double value = key[i];
        bits[i] = std::isnan(value) ? std::numeric_limits<std::uint64_t>::max() : ordered_bits(value);
    }
    RadixSort sort;
    sort(bits.data(), 1, order);
    std::copy_n(order.begin(), std::min(n, count), best);
}

}  // namespace cambrian
