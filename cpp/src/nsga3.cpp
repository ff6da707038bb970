#include "cambrian/nsga3.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>
#include <vector>

namespace cambrian {
namespace {

constexpr double kOffAxis = 1e-6;    // weight of the other axes when an extreme point is sought
constexpr double kSmallest = 1e-12;  // an intercept below this counts as none

using Point = std::vector<double>;

// The rows that take part, copied (another thread may write to the caller's arrays) and moved so that the
// ideal point, the best of each objective, is the origin.
struct Moved {
    explicit Moved(const RankedCosts& costs) : width(costs.objectives) {
        Point ideal(width, std::numeric_limits<double>::infinity());
        for (std::size_t i = 0; i < costs.n; ++i) {
            const std::int64_t front = costs.rank[i];
            if (front < 0 || front >= costs.fronts) continue;
            row.push_back(i);
            rank.push_back(front);
            for (std::size_t j = 0; j < width; ++j) {
                cost.push_back(costs.cost[i * width + j]);
                ideal[j] = std::min(ideal[j], cost.back());
            }
        }
        for (std::size_t i = 0; i < cost.size(); ++i) {
            // Halved: a range may overflow. Normalising takes the factor out again.
            cost[i] = cost[i] * 0.5 - ideal[i % width] * 0.5;
        }
    }
    std::size_t size() const { return row.size(); }
    const double* operator[](std::size_t i) const { return cost.data() + i * width; }

    std::size_t width;
    std::vector<std::size_t> row;
    std::vector<std::int64_t> rank;
    std::vector<double> cost;
};

// How far a point is from an axis: the achievement scalarising function.
double off_axis(const double* point, std::size_t width, std::size_t axis) {
    double most = point[axis];
    for (std::size_t j = 0; j < width; ++j) {
        if (j != axis) most = std::max(most, point[j] / kOffAxis);
    }
    return most;
}

// The row nearest to each axis, of equally near ones the lexicographically first.
std::vector<Point> extreme_points(const Moved& moved) {
    std::vector<Point> extremes;
    for (std::size_t axis = 0; axis < moved.width; ++axis) {
        const double* best = moved[0];
        double least = off_axis(best, moved.width, axis);
        for (std::size_t i = 1; i < moved.size(); ++i) {
            const double* other = moved[i];
            const double far = off_axis(other, moved.width, axis);
            if (far > least) continue;
            if (far < least ||
                std::lexicographical_compare(other, other + moved.width, best, best + moved.width)) {
                best = other;
                least = far;
            }
        }
        extremes.emplace_back(best, best + moved.width);
    }
    return extremes;
}

// Where the plane through the points cuts the axes, by elimination with pivots; empty if it does not cut each
// of them on the positive side.
Point intercepts(std::vector<Point> plane) {
    const std::size_t m = plane.size();
    for (Point& row : plane) row.push_back(1.0);
    for (std::size_t k = 0; k < m; ++k) {
        std::size_t pivot = k;
        for (std::size_t i = k + 1; i < m; ++i) {
            if (std::fabs(plane[i][k]) > std::fabs(plane[pivot][k])) pivot = i;
        }
        if (plane[pivot][k] == 0.0) return {};
        std::swap(plane[k], plane[pivot]);
        for (std::size_t i = 0; i < m; ++i) {
            if (i == k) continue;
            const double factor = plane[i][k] / plane[k][k];
            for (std::size_t j = k; j <= m; ++j) plane[i][j] -= factor * plane[k][j];
        }
    }
    Point cuts(m);
    for (std::size_t k = 0; k < m; ++k) {
        cuts[k] = plane[k][k] / plane[k][m];
        if (!(cuts[k] > kSmallest) || !std::isfinite(cuts[k])) return {};
    }
    return cuts;
}

// What each objective is divided by: the intercepts, but no more than the largest cost; where there are none,
// the largest cost of the first front (Blank, Deb and Roy, "Investigating the Normalization Procedure of
// NSGA-III", 2019), or of all rows, or 1.
Point scales(const Moved& moved) {
    const std::int64_t first = *std::min_element(moved.rank.begin(), moved.rank.end());
    Point worst(moved.width, 0.0), worst_of_front(moved.width, 0.0);
    for (std::size_t i = 0; i < moved.size(); ++i) {
        for (std::size_t j = 0; j < moved.width; ++j) {
            worst[j] = std::max(worst[j], moved[i][j]);
            if (moved.rank[i] == first) worst_of_front[j] = std::max(worst_of_front[j], moved[i][j]);
        }
    }
    const Point cuts = intercepts(extreme_points(moved));
    Point scale(moved.width);
    for (std::size_t j = 0; j < moved.width; ++j) {
        scale[j] = cuts.empty() ? worst_of_front[j] : std::min(cuts[j], worst[j]);
        if (!(scale[j] > kSmallest)) scale[j] = worst[j];
        if (!(scale[j] > kSmallest)) scale[j] = 1.0;
    }
    return scale;
}

// Reference points as directions of length 1, one objective after the other.
std::vector<double> directions(const double* points, std::size_t count, std::size_t width) {
    std::vector<double> direction(count * width);
    for (std::size_t p = 0; p < count; ++p) {
        double square = 0.0;
        for (std::size_t j = 0; j < width; ++j) square += points[p * width + j] * points[p * width + j];
        const double length = std::sqrt(square);
        for (std::size_t j = 0; j < width; ++j) direction[j * count + p] = points[p * width + j] / length;
    }
    return direction;
}

// 64 random bits of one niche or row.
std::uint64_t random_key(const Source& source, std::uint32_t purpose, std::size_t individual,
                         std::size_t block) {
    const Philox words = philox({static_cast<std::uint32_t>(block), purpose,
                                 static_cast<std::uint32_t>(individual), source.generation},
                                source.key);
    return std::uint64_t{words[0]} << 32 | words[1];
}

struct Candidate {
    double distance;
    std::uint64_t key;
    std::size_t row;
};

// One niche's rows of the last front: the one to take first from an empty niche at the front, the others in
// random order.
void order_candidates(std::vector<Candidate>& candidates, bool empty) {
    std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
        return std::tie(a.key, a.row) < std::tie(b.key, b.row);
    });
    if (!empty || candidates.empty()) return;
    const auto nearest =
        std::min_element(candidates.begin(), candidates.end(),
                         [](const Candidate& a, const Candidate& b) { return a.distance < b.distance; });
    std::rotate(candidates.begin(), nearest, nearest + 1);
}

}  // namespace

void associate(const RankedCosts& costs, const double* points, std::size_t count, std::int64_t* niche,
               double* distance, const std::function<void()>& poll) {
    constexpr std::size_t kBetweenPolls = 256;
    std::fill_n(niche, costs.n, std::int64_t{-1});
    std::fill_n(distance, costs.n, std::numeric_limits<double>::infinity());
    const Moved moved(costs);
    if (moved.size() == 0 || count == 0) return;
    const std::size_t width = moved.width;
    const Point scale = scales(moved);
    const std::vector<double> direction = directions(points, count, width);
    Point unit(width);
    std::vector<double> along(count);
    for (std::size_t i = 0; i < moved.size(); ++i) {
        if (poll && i % kBetweenPolls == 0) poll();
        std::fill(along.begin(), along.end(), 0.0);
        for (std::size_t j = 0; j < width; ++j) {
            unit[j] = moved[i][j] / scale[j];
            const double* axis = direction.data() + j * count;
            for (std::size_t p = 0; p < count; ++p) along[p] += unit[j] * axis[p];
        }
        const auto nearest =
            static_cast<std::size_t>(std::max_element(along.begin(), along.end()) - along.begin());
        double square = 0.0;
        for (std::size_t j = 0; j < width; ++j) {
            const double away = unit[j] - along[nearest] * direction[j * count + nearest];
            square += away * away;
        }
        niche[moved.row[i]] = static_cast<std::int64_t>(nearest);
        distance[moved.row[i]] = std::sqrt(square);
    }
}

std::size_t fill_niches(const Niching& niching, std::size_t places, const Source& source,
                        std::int64_t* chosen) {
    std::vector<std::size_t> survivors(niching.niches, 0);
    std::vector<std::vector<Candidate>> candidates(niching.niches);
    std::size_t left = 0;
    for (std::size_t i = 0; i < niching.n; ++i) {
        const std::int64_t rank = niching.rank[i], number = niching.niche[i];
        if (number < 0 || static_cast<std::size_t>(number) >= niching.niches || rank > niching.last) continue;
        const auto at = static_cast<std::size_t>(number);
        if (rank < niching.last) {
            ++survivors[at];
        } else {
            candidates[at].push_back({niching.distance[i], random_key(source, kNicheRow, i, 0), i});
            ++left;
        }
    }
    // Niches by how many survivors they have. All niches of a level get their next row, in random order,
    // before any gets its next but one.
    std::vector<std::vector<std::size_t>> levels;
    for (std::size_t at = 0; at < niching.niches; ++at) {
        if (candidates[at].empty()) continue;
        order_candidates(candidates[at], survivors[at] == 0);
        if (survivors[at] >= levels.size()) levels.resize(survivors[at] + 1);
        levels[survivors[at]].push_back(at);
    }
    std::vector<std::size_t> taken(niching.niches, 0);
    std::vector<std::pair<std::uint64_t, std::size_t>> order;
    places = std::min(places, left);
    std::size_t filled = 0;
    for (std::size_t level = 0; filled < places; ++level) {
        order.clear();
        for (const std::size_t at : levels[level])
            order.emplace_back(random_key(source, kNiche, at, level), at);
        std::sort(order.begin(), order.end());
        if (level + 1 == levels.size()) levels.emplace_back();
        for (const auto& [key, at] : order) {
            if (filled == places) break;
            chosen[filled++] = static_cast<std::int64_t>(candidates[at][taken[at]++].row);
            if (taken[at] < candidates[at].size()) levels[level + 1].push_back(at);
        }
    }
    return filled;
}

}  // namespace cambrian
