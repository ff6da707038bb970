// Two and three objectives: efficient non-dominated sort (Zhang, Tian, Cheng and Jin, "An Efficient Approach
// to Nondominated Sorting for Evolutionary Multiobjective Optimization", 2015) with bisection over the
// fronts.
#include <algorithm>
#include <cstddef>

#include "pareto_rows.hpp"

namespace cambrian {
namespace {

using Values = std::vector<std::uint64_t>;

// How many of `count` items have a value of at most `x`; they rise. Arithmetic in place of branches: where a
// search ends can't be predicted.
template <class Item, class ValueOf>
std::size_t at_most(const Item* items, std::size_t count, std::uint64_t x, ValueOf value) {
    if (count == 0) return 0;
    std::size_t from = 0;
    while (count > 1) {
        const std::size_t half = count / 2;
        from += half & (std::size_t{0} - (value(items[from + half - 1]) <= x));
        count -= half;
    }
    return from + (value(items[from]) <= x);
}

// Of a front of three objectives only the staircase of its members' second and third cost counts.
class Stairs {
  public:
    // The steps whose second cost is at most this.
    std::size_t below(std::uint64_t second) const {
        return at_most(steps_.data(), steps_.size(), second, [](const Step& step) { return step.second; });
    }
    // Members came earlier in the sorted order and differ from a row: one that is nowhere larger dominates.
    bool dominates(std::size_t below, std::uint64_t third) const {
        return below > 0 && steps_[below - 1].third <= third;
    }
    // A member that nothing here dominates takes the place of the steps that are nowhere smaller.
    void add(std::size_t below, std::uint64_t second, std::uint64_t third) {
        const std::size_t from = below - (below > 0 && steps_[below - 1].second == second);
        std::size_t to = from;
        while (to < steps_.size() && steps_[to].third >= third) ++to;
        const auto at = steps_.begin() + static_cast<std::ptrdiff_t>(from);
        if (from == to) {
            steps_.insert(at, {second, third});
        } else {
            *at = {second, third};
            if (to - from > 1) steps_.erase(at + 1, steps_.begin() + static_cast<std::ptrdiff_t>(to));
        }
    }

  private:
    struct Step {
        std::uint64_t second, third;  // from step to step the second rises, the third falls
    };
    std::vector<Step> steps_;
};

constexpr std::size_t kBetweenPolls = 1024;

}  // namespace

Fronts fronts_of_two(const ParetoRows& rows, FrontsNeeded& needed, const Poll& poll) {
    const Values& second = rows.columns[1];
    Fronts front(rows.size());
    Values last;  // second cost of each front's last member, its lowest; it rises from front to front
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (poll && i % kBetweenPolls == 0) poll();
        const std::size_t at = at_most(last.data(), std::min<std::size_t>(last.size(), needed.fronts()),
                                       second[i], [](std::uint64_t x) { return x; });
        front[i] = static_cast<std::uint32_t>(at);
        if (at >= needed.fronts()) continue;
        if (at == last.size()) {
            last.push_back(second[i]);
        } else {
            last[at] = second[i];
        }
        needed.add(front[i], rows.copies(i));
    }
    return front;
}

Fronts fronts_of_three(const ParetoRows& rows, FrontsNeeded& needed, const Poll& poll) {
    const Values &second = rows.columns[1], &third = rows.columns[2];
    Fronts front(rows.size());
    std::vector<Stairs> stairs;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (poll && i % kBetweenPolls == 0) poll();
        // If a front dominates a row, so do all before it.
        std::size_t low = 0, high = std::min<std::size_t>(stairs.size(), needed.fronts());
        std::size_t below = 0;  // in front `high`, the last that didn't
        while (low < high) {
            const std::size_t middle = low + (high - low) / 2;
            const std::size_t steps = stairs[middle].below(second[i]);
            if (stairs[middle].dominates(steps, third[i])) {
                low = middle + 1;
            } else {
                high = middle;
                below = steps;
            }
        }
        front[i] = static_cast<std::uint32_t>(low);
        if (low >= needed.fronts()) continue;
        if (low == stairs.size()) stairs.emplace_back();
        stairs[low].add(below, second[i], third[i]);
        needed.add(front[i], rows.copies(i));
    }
    return front;
}

}  // namespace cambrian
