#include "cases.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>

#include "cambrian/mix.hpp"
#include "radix.hpp"

namespace cambrian {
namespace {

std::vector<std::uint32_t> taking_part(const Pool& pool) {
    std::vector<std::uint32_t> parents;
    for (std::uint32_t i = 0; i < pool.population; ++i) {
        if (pool.key[i] == pool.key[i]) parents.push_back(i);
    }
    if (!parents.empty()) return parents;
    parents.resize(pool.population);
    std::iota(parents.begin(), parents.end(), 0U);
    return parents;
}

double middle(const std::vector<double>& sorted) {
    if (sorted.empty()) return 0.0;
    const std::size_t half = sorted.size() / 2;
    return sorted.size() % 2 != 0 ? sorted[half] : 0.5 * sorted[half - 1] + 0.5 * sorted[half];
}

// Median absolute deviation of those that are finite, from their values in order.
double deviation(std::vector<double> sorted) {
    while (!sorted.empty() && sorted.back() == std::numeric_limits<double>::infinity()) sorted.pop_back();
    const double median = middle(sorted);
    for (double& value : sorted) value = value < median ? median - value : value - median;
    std::sort(sorted.begin(), sorted.end());
    return middle(sorted);
}

class Sorter {
  public:
    Sorter(const Lexicase& selection, const std::vector<std::uint32_t>& parents)
        : selection_(selection), parents_(parents), bits_(parents.size()), levels_(parents.size()) {}

    // Levels of the parents on a case, in `levels()`; the highest level as good as each.
    std::vector<std::uint32_t> operator()(std::size_t at) {
        order_.resize(parents_.size());
        std::iota(order_.begin(), order_.end(), 0U);
        for (std::size_t i = 0; i < parents_.size(); ++i) {
            const double error = selection_.cases[parents_[i] * selection_.count + at];
            bits_[i] = ordered_bits(error == error ? error : std::numeric_limits<double>::infinity());
        }
        sort_(bits_.data(), 1, order_);
        std::vector<double> values, sorted;
        for (std::size_t i = 0; i < order_.size(); ++i) {
            const std::uint64_t bits = bits_[order_[i]];
            if (i == 0 || bits != bits_[order_[i - 1]]) values.push_back(from_ordered_bits(bits));
            levels_[order_[i]] = static_cast<std::uint32_t>(values.size() - 1);
            if (selection_.automatic) sorted.push_back(values.back());
        }
        return reach(values, selection_.automatic ? deviation(std::move(sorted)) : selection_.epsilon);
    }

    const std::vector<std::uint32_t>& levels() const { return levels_; }

  private:
    static std::vector<std::uint32_t> reach(const std::vector<double>& values, double epsilon) {
        std::vector<std::uint32_t> highest(values.size());
        std::uint32_t top = 0;
        for (std::uint32_t level = 0; level < values.size(); ++level) {
            top = std::max(top, level);
            while (top + 1 < values.size() && values[top + 1] <= values[level] + epsilon) ++top;
            highest[level] = top;
        }
        return highest;
    }

    const Lexicase& selection_;
    const std::vector<std::uint32_t>& parents_;
    std::vector<std::uint64_t> bits_;
    std::vector<std::uint32_t> levels_, order_;
    RadixSort sort_;
};

}  // namespace

Cases::Cases(const Lexicase& selection, const Pool& pool) : count(selection.count), begins(1) {
    if (selection.rows != pool.population) {
        throw std::invalid_argument("columns['cases']: expected a row for each of the " +
                                    std::to_string(pool.population) + " parents, got " +
                                    std::to_string(selection.rows));
    }
    const std::vector<std::uint32_t> all = taking_part(pool);
    Sorter sorter(selection, all);
    std::vector<std::uint32_t> everyone;
    everyone.reserve(count * all.size());
    std::vector<Digest> digests(all.size(), Digest(1));
    for (std::size_t c = 0; c < count; ++c) {
        highest.push_back(sorter(c));
        everyone.insert(everyone.end(), sorter.levels().begin(), sorter.levels().end());
        for (std::size_t i = 0; i < all.size(); ++i) digests[i].absorb(c, sorter.levels()[i]);
    }
    // By digest, then by place: equal ones together, each class in the order of its first.
    std::vector<std::uint32_t> order(all.size()), first(all.size());
    std::iota(order.begin(), order.end(), 0U);
    std::vector<Digest::Value> values;
    values.reserve(all.size());
    for (const Digest& digest : digests) values.push_back(digest.value());
    const auto less = [&](std::uint32_t a, std::uint32_t b) {
        if (values[a].low != values[b].low) return values[a].low < values[b].low;
        return values[a].high != values[b].high ? values[a].high < values[b].high : a < b;
    };
    std::sort(order.begin(), order.end(), less);
    std::vector<std::uint32_t> chosen;
    for (std::size_t i = 0; i < order.size(); ++i) {
        if (i > 0 && !(values[order[i]] == values[order[i - 1]]))
            begins.push_back(static_cast<std::uint32_t>(i));
        if (begins.back() == i) chosen.push_back(order[i]);
        parents.push_back(all[order[i]]);
    }
    if (!order.empty()) begins.push_back(static_cast<std::uint32_t>(order.size()));
    levels.reserve(count * classes());
    for (std::size_t c = 0; c < count; ++c) {
        for (const std::uint32_t i : chosen) levels.push_back(everyone[c * all.size() + i]);
    }
}

}  // namespace cambrian
