#include "cambrian/pareto.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

namespace cambrian {
namespace {

bool finite(const double* row, std::size_t objectives) {
    return std::all_of(row, row + objectives, [](double x) { return std::isfinite(x); });
}

// The finite rows, copied (another thread may write to the caller's array while they are sorted) and sorted
// by the first objective, then the second, and so on: no row is dominated by a later one.
struct Sorted {
    std::size_t width;  // at least 2; a missing second objective is 0 everywhere
    std::vector<double> cost;
    std::vector<std::size_t> row;

    Sorted(const double* all, std::size_t n, std::size_t objectives)
        : width(std::max<std::size_t>(objectives, 2)) {
        std::vector<double> copy;
        std::vector<std::size_t> rows;
        for (std::size_t i = 0; i < n; ++i) {
            const std::size_t start = copy.size();
            copy.insert(copy.end(), all + i * objectives, all + (i + 1) * objectives);
            copy.resize(start + width, 0.0);
            if (finite(copy.data() + start, width)) {
                rows.push_back(i);
            } else {
                copy.resize(start);
            }
        }
        std::vector<std::size_t> order(rows.size());
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
            const double* x = copy.data() + a * width;
            const double* y = copy.data() + b * width;
            if (x[0] != y[0]) return x[0] < y[0];
            return std::lexicographical_compare(x + 1, x + width, y + 1, y + width);
        });
        cost.reserve(copy.size());
        row.reserve(rows.size());
        for (const std::size_t i : order) {
            cost.insert(cost.end(), copy.data() + i * width, copy.data() + (i + 1) * width);
            row.push_back(rows[i]);
        }
    }

    std::size_t size() const { return row.size(); }
    const double* operator[](std::size_t i) const { return cost.data() + i * width; }
    bool repeats_last(std::size_t i) const {
        return i > 0 && std::equal((*this)[i], (*this)[i] + width, (*this)[i - 1]);
    }
};

// Each kind of fronts answers: does a member of front k dominate this row? Members came earlier in the sorted
// order and differ from it, so one that is nowhere larger does.

// Two objectives: the last member of a front has its smallest second cost.
class TwoFronts {
  public:
    explicit TwoFronts(const Sorted&) {}
    bool dominates(std::size_t k, const double* row) const { return k < last_.size() && last_[k] <= row[1]; }
    void add(std::size_t k, const double* row) {
        if (k == last_.size()) last_.emplace_back();
        last_[k] = row[1];
    }

  private:
    std::vector<double> last_;
};

// Three: of a front only the staircase of its members' second and third cost counts.
class ThreeFronts {
  public:
    explicit ThreeFronts(const Sorted&) {}
    bool dominates(std::size_t k, const double* row) const {
        if (k >= stairs_.size()) return false;
        const auto step = after(stairs_[k], row[1]);
        return step != stairs_[k].begin() && std::prev(step)->second <= row[2];
    }
    void add(std::size_t k, const double* row) {
        if (k == stairs_.size()) stairs_.emplace_back();
        Stairs& stairs = stairs_[k];
        const auto from = std::lower_bound(stairs.begin(), stairs.end(), std::pair(row[1], row[2]));
        const auto to =
            std::find_if(from, stairs.end(), [&](const auto& step) { return step.second < row[2]; });
        if (from == to) {
            stairs.insert(from, {row[1], row[2]});
        } else {
            *from = {row[1], row[2]};
            stairs.erase(from + 1, to);
        }
    }

  private:
    using Stairs = std::vector<std::pair<double, double>>;  // second cost rising, third falling

    static Stairs::const_iterator after(const Stairs& stairs, double second) {
        return std::upper_bound(stairs.begin(), stairs.end(), second,
                                [](double x, const auto& step) { return x < step.first; });
    }
    std::vector<Stairs> stairs_;
};

// More: the members, latest first, as a near one is likelier to dominate.
class ManyFronts {
  public:
    explicit ManyFronts(const Sorted& sorted) : width_(sorted.width) {}
    bool dominates(std::size_t k, const double* row) const {
        if (k >= fronts_.size()) return false;
        const std::vector<double>& members = fronts_[k];
        const std::size_t step = width_ - 1;
        for (std::size_t end = members.size(); end > 0; end -= step) {
            const double* member = members.data() + end - step;
            std::size_t j = 0;
            while (j < step && member[j] <= row[j + 1]) ++j;
            if (j == step) return true;
        }
        return false;
    }
    void add(std::size_t k, const double* row) {
        if (k == fronts_.size()) fronts_.emplace_back();
        fronts_[k].insert(fronts_[k].end(), row + 1, row + width_);
    }

  private:
    std::size_t width_;
    std::vector<std::vector<double>> fronts_;  // costs of the members from the second on
};

constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

// How many fronts are needed until `stop` rows have a rank. Rows are added in any order.
class Needed {
  public:
    explicit Needed(std::size_t stop) : stop_(stop) {}

    // The first fronts that `stop` rows are known to lie in, or kNone.
    std::size_t fronts() const { return fronts_; }
    void add(std::size_t front) {
        if (stop_ == 0 || front >= fronts_) return;
        if (front >= count_.size()) count_.resize(front + 1, 0);
        ++count_[front];
        ++covered_;
        if (covered_ < stop_) return;
        if (fronts_ == kNone) fronts_ = count_.size();
        while (covered_ - count_[fronts_ - 1] >= stop_) covered_ -= count_[--fronts_];
    }

  private:
    std::size_t stop_;
    std::size_t fronts_ = kNone;
    std::size_t covered_ = 0;
    std::vector<std::size_t> count_;
};

// The first front of 0 … end - 1 that doesn't dominate the row, or end. If a front dominates it, so do all
// before: bisection.
template <class Fronts>
std::size_t first_front(const Fronts& fronts, std::size_t end, const double* row) {
    std::size_t low = 0;
    while (low < end) {
        const std::size_t middle = low + (end - low) / 2;
        if (fronts.dominates(middle, row)) {
            low = middle + 1;
        } else {
            end = middle;
        }
    }
    return low;
}

// Efficient non-dominated sort (Zhang, Tian, Cheng and Jin, "An Efficient Approach to Nondominated Sorting
// for Evolutionary Multiobjective Optimization", 2015). Returns the number of ranks given.
template <class Fronts>
std::size_t rank_sorted(const Sorted& sorted, std::size_t stop, std::int64_t* rank,
                        const std::function<void()>& poll) {
    constexpr std::size_t kBetweenPolls = 64;
    Fronts fronts(sorted);
    Needed needed(stop);
    std::vector<std::size_t> front(sorted.size());
    std::size_t made = 0;
    for (std::size_t i = 0; i < sorted.size(); ++i) {
        if (poll && i % kBetweenPolls == 0) poll();
        if (sorted.repeats_last(i)) {
            front[i] = front[i - 1];
        } else {
            front[i] = first_front(fronts, std::min(made, needed.fronts()), sorted[i]);
            if (front[i] >= needed.fronts()) continue;
            fronts.add(front[i], sorted[i]);
            made = std::max(made, front[i] + 1);
        }
        needed.add(front[i]);
    }
    std::size_t ranks = 0;
    for (std::size_t i = 0; i < sorted.size(); ++i) {
        const std::size_t given = std::min(front[i], needed.fronts());
        rank[sorted.row[i]] = static_cast<std::int64_t>(given);
        ranks = std::max(ranks, given + 1);
    }
    return ranks;
}

// One objective of one front: `members` are rows of `cost`.
void add_gaps(const double* cost, std::size_t objectives, std::vector<std::size_t>& members,
              double* distance) {
    std::sort(members.begin(), members.end(), [=](std::size_t a, std::size_t b) {
        const double x = cost[a * objectives], y = cost[b * objectives];
        return x != y ? x < y : a < b;
    });
    const auto value = [&](std::size_t i) { return cost[members[i] * objectives]; };
    distance[members.front()] = distance[members.back()] = std::numeric_limits<double>::infinity();
    const double low = value(0), high = value(members.size() - 1);
    // Halved where the range itself would overflow.
    const double scale = std::isinf(high - low) ? 0.5 : 1.0;
    const double range = high * scale - low * scale;
    if (range == 0.0) return;
    for (std::size_t i = 1; i + 1 < members.size(); ++i) {
        distance[members[i]] += (value(i + 1) * scale - value(i - 1) * scale) / range;
    }
}

}  // namespace

void nondominated_rank(const double* cost, std::size_t n, std::size_t objectives, std::size_t stop,
                       std::int64_t* rank, const std::function<void()>& poll) {
    const Sorted sorted(cost, n, objectives);
    std::fill_n(rank, n, std::int64_t{-1});
    std::size_t ranks = 0;
    if (objectives <= 2) {
        ranks = rank_sorted<TwoFronts>(sorted, stop, rank, poll);
    } else if (objectives == 3) {
        ranks = rank_sorted<ThreeFronts>(sorted, stop, rank, poll);
    } else {
        ranks = rank_sorted<ManyFronts>(sorted, stop, rank, poll);
    }
    std::replace(rank, rank + n, std::int64_t{-1}, static_cast<std::int64_t>(ranks));
}

void crowding(const double* cost, const std::int64_t* rank, std::size_t n, std::size_t objectives,
              double* distance) {
    const std::vector<double> costs(cost, cost + n * objectives);
    std::vector<std::pair<std::int64_t, std::size_t>> rows;
    std::fill_n(distance, n, 0.0);
    for (std::size_t i = 0; i < n; ++i) {
        if (finite(costs.data() + i * objectives, objectives)) rows.emplace_back(rank[i], i);
    }
    std::sort(rows.begin(), rows.end());
    std::vector<std::size_t> members;
    for (std::size_t from = 0, to = 0; from < rows.size(); from = to) {
        members.clear();
        for (; to < rows.size() && rows[to].first == rows[from].first; ++to)
            members.push_back(rows[to].second);
        for (std::size_t j = 0; j < objectives; ++j)
            add_gaps(costs.data() + j, objectives, members, distance);
    }
}

}  // namespace cambrian
