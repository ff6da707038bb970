#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "cambrian/pareto.hpp"
#include "cambrian/rng.hpp"
#include "check.hpp"

using namespace cambrian;

namespace {

bool dominates(const double* a, const double* b, std::size_t m) {
    bool better = false;
    for (std::size_t j = 0; j < m; ++j) {
        if (a[j] > b[j]) return false;
        better = better || a[j] < b[j];
    }
    return better;
}

// Fronts are peeled off one after the other.
std::vector<std::int64_t> slow_rank(const std::vector<double>& cost, std::size_t n, std::size_t m,
                                    std::size_t stop) {
    std::vector<std::int64_t> rank(n, -1);
    const auto finite = [&](std::size_t i) {
        return std::all_of(&cost[i * m], &cost[i * m] + m, [](double x) { return std::isfinite(x); });
    };
    std::size_t ranked = 0, left = 0;
    for (std::size_t i = 0; i < n; ++i) left += finite(i);
    std::int64_t front = 0;
    for (; left > 0 && (stop == 0 || ranked < stop); ++front) {
        std::vector<std::size_t> members;
        for (std::size_t i = 0; i < n; ++i) {
            if (rank[i] >= 0 || !finite(i)) continue;
            bool beaten = false;
            for (std::size_t j = 0; j < n && !beaten; ++j) {
                beaten = rank[j] < 0 && finite(j) && dominates(&cost[j * m], &cost[i * m], m);
            }
            if (!beaten) members.push_back(i);
        }
        for (const std::size_t i : members) rank[i] = front;
        ranked += members.size();
        left -= members.size();
    }
    for (std::size_t i = 0; i < n; ++i) {
        if (rank[i] < 0) rank[i] = finite(i) ? front : front + (left > 0);
    }
    return rank;
}

// Few distinct values: many ties and duplicates. A few rows aren't finite.
std::vector<double> random_cost(std::uint32_t seed, std::size_t n, std::size_t m, std::uint32_t values) {
    Stream stream(Source(seed, 0, 0), kSample, 0);
    std::vector<double> cost(n * m);
    for (double& x : cost) x = static_cast<double>(stream.below(values)) - 2.0;
    for (std::size_t i = 0; i < n / 10; ++i) {
        const double bad[] = {std::nan(""), std::numeric_limits<double>::infinity(),
                              -std::numeric_limits<double>::infinity()};
        cost[stream.below(static_cast<std::uint32_t>(n * m))] = bad[stream.below(3)];
    }
    return cost;
}

void ranks_equal_peeling() {
    for (std::uint32_t seed = 0; seed < 60; ++seed) {
        for (std::size_t m = 1; m <= 5; ++m) {
            const std::size_t n = seed % 7 == 0 ? seed % 3 : 20 + seed;
            const auto cost = random_cost(seed, n, m, seed % 2 == 0 ? 5 : 1000);
            for (const std::size_t stop : {std::size_t{0}, std::size_t{1}, n / 3, n, 2 * n}) {
                std::vector<std::int64_t> rank(n);
                nondominated_rank(cost.data(), n, m, stop, rank.data());
                CHECK(rank == slow_rank(cost, n, m, stop));
            }
        }
    }
}

void crowding_of_a_known_front() {
    const double inf = std::numeric_limits<double>::infinity();
    const std::vector<double> cost = {0, 4, 1, 2, 3, 1, 4, 0, std::nan(""), 0, 9, 9};
    const std::vector<std::int64_t> rank = {0, 0, 0, 0, 2, 1};
    std::vector<double> distance(6);
    crowding(cost.data(), rank.data(), 6, 2, distance.data());
    CHECK((distance == std::vector<double>{inf, 3.0 / 4 + 3.0 / 4, 3.0 / 4 + 2.0 / 4, inf, 0, inf}));
}

// The range of an objective may overflow, or be zero.
void crowding_of_extreme_values() {
    const double big = std::numeric_limits<double>::max();
    const std::vector<double> cost = {-big, 1, 0, 1, big, 1};
    const std::vector<std::int64_t> rank(3, 7);
    std::vector<double> distance(3);
    crowding(cost.data(), rank.data(), 3, 2, distance.data());
    CHECK(distance[1] == 1.0);
}

}  // namespace

int main() {
    ranks_equal_peeling();
    crowding_of_a_known_front();
    crowding_of_extreme_values();
    return cambrian::testing::failures();
}
