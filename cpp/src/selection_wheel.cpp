// Selections that give each parent a share of a wheel.
#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "cambrian/real.hpp"
#include "places.hpp"
#include "radix.hpp"
#include "selectors.hpp"
#include "shuffle.hpp"
#include "wheel.hpp"

namespace cambrian {
namespace {

class WheelSelector final : public GroupSelector {
  public:
    // `parents`: which they are, if not all of them in order.
    explicit WheelSelector(Wheel wheel, std::vector<std::uint32_t> parents = {})
        : wheel_(std::move(wheel)), bound_(wheel_.total()), parents_(std::move(parents)) {}

    std::size_t work() const override { return 16; }

  private:
    void group(const Source& source, std::uint32_t number, Group& winners) const override {
        alignas(64) std::array<std::uint32_t, 2 * kGroup> words;
        alignas(64) std::array<std::uint64_t, kGroup> positions;
        philox_fill(source.key, {0, kSelect, number, source.generation}, 0, kGroup / 2, words.data());
        std::uint64_t refused = 0;
        for (std::size_t i = 0; i < kGroup; ++i) {
            const Product product = multiply(word(words.data() + 2 * i), bound_.bound);
            positions[i] = product.high;
            refused |= std::uint64_t{product.low < bound_.refuse};
        }
        if (refused != 0) draw_again(source, number, words.data(), positions.data());
        wheel_.find(positions.data(), kGroup, winners.data());
        if (parents_.empty()) return;
        for (std::uint32_t& winner : winners) winner = parents_[winner];
    }

    static std::uint64_t word(const std::uint32_t* two) { return std::uint64_t{two[0]} << 32 | two[1]; }

    void draw_again(const Source& source, std::uint32_t number, const std::uint32_t* words,
                    std::uint64_t* positions) const {
        Stream again(source, kSelect + kAgain, number);
        for (std::size_t i = 0; i < kGroup; ++i) {
            if (multiply(word(words + 2 * i), bound_.bound).low < bound_.refuse)
                positions[i] = bound_.below(again);
        }
    }

    Wheel wheel_;
    WideBound bound_;
    std::vector<std::uint32_t> parents_;
};

class UniversalSelector final : public GroupSelector {
  public:
    UniversalSelector(Wheel wheel, std::size_t draws)
        : wheel_(std::move(wheel)), bound_(wheel_.total()), draws_(std::max<std::size_t>(draws, 1)) {}

    std::size_t work() const override { return 24; }

  private:
    // Pointer j is at the whole part of (j * total + turn) / draws, the turn uniform below the total: all
    // exact.
    void group(const Source& source, std::uint32_t number, Group& winners) const override {
        const auto first = number * static_cast<std::uint32_t>(kGroup);
        const std::size_t count = std::min<std::size_t>(kGroup, draws_ - first);
        Stream stream(source, kSelect, 0);
        const std::uint64_t turn = bound_.below(stream);
        Shuffle(draws_, Stream(source, kSelect, 1)).of(first, count, winners.data());
        const std::uint64_t whole = bound_.bound / draws_, rest = bound_.bound % draws_;
        const std::uint64_t turned = turn / draws_, turned_rest = turn % draws_;
        std::array<std::uint64_t, kGroup> positions;
        for (std::size_t i = 0; i < count; ++i) {
            const std::uint64_t j = winners[i];
            positions[i] = j * whole + turned + (j * rest + turned_rest) / draws_;
        }
        wheel_.find(positions.data(), count, winners.data());
    }

    Wheel wheel_;
    WideBound bound_;
    std::uint64_t draws_;
};

struct Range {
    double best, worst;  // of those that did not fail
};

Range range_of(const Pool& pool) {
    Range range{std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()};
    for (std::size_t i = 0; i < pool.population; ++i) {
        const double key = pool.key[i];
        range.best = key < range.best ? key : range.best;
        range.worst = key > range.worst ? key : range.worst;
    }
    return range;
}

// To 0 … 1: other threads may change a key between two looks at it.
double clamped(double weight) {
    return weight > 0.0 ? std::min(weight, 1.0) : 0.0;
}

Wheel proportional(double floor, const Pool& pool) {
    const Range range = range_of(pool);
    // Halves, as the whole range may be more than a double holds.
    const double worst = 0.5 * range.worst, span = worst - 0.5 * range.best, above = 1.0 - floor;
    if (!(span > 0.0)) {
        return {pool.population, [&](std::size_t i) { return pool.key[i] == pool.key[i] ? 1.0 : 0.0; }};
    }
    return {pool.population,
            [&](std::size_t i) { return clamped(floor + above * ((worst - 0.5 * pool.key[i]) / span)); }};
}

// The parents that base^rank leaves a share, best first, and what they get of what the best gets. Equal ones
// get the mean of what their ranks do.
struct Ranked {
    std::vector<std::uint32_t> parents;
    std::vector<double> weights;

    Ranked(double base, const Pool& pool) {
        if (pool.population == 0) return;
        const std::vector<std::uint64_t> bits = ordered(pool);
        double power = 1.0;
        std::size_t many = 1;
        for (; many < bits.size() && power >= kLeast; ++many) power *= base;
        std::vector<std::uint32_t> equal;
        split(bits, place_of(bits, many - 1), parents, equal);
        parents.insert(parents.end(), equal.begin(), equal.end());
        RadixSort()(bits.data(), 1, parents);
        weights.resize(parents.size());
        power = 1.0;
        for (std::size_t from = 0, to = 0; from < parents.size(); from = to) {
            double sum = 0.0;
            for (; to < parents.size() && bits[parents[to]] == bits[parents[from]]; ++to) {
                sum += power;
                power *= base;
            }
            // Those that failed come last, and get nothing but where all did.
            const bool failed =
                from > 0 && pool.cost(parents[from]) == std::numeric_limits<double>::infinity();
            const double mean = failed ? 0.0 : sum / static_cast<double>(to - from);
            std::fill(weights.begin() + static_cast<std::ptrdiff_t>(from),
                      weights.begin() + static_cast<std::ptrdiff_t>(to), mean);
        }
        const double best = weights.front();
        for (double& weight : weights) weight /= best;
    }

  private:
    static constexpr double kLeast = 0x1p-34;
};

}  // namespace

std::unique_ptr<Selector> make(const Roulette& selection, const Pool& pool) {
    return std::make_unique<WheelSelector>(proportional(selection.floor, pool));
}

std::unique_ptr<Selector> make(const StochasticUniversal& selection, const Pool& pool) {
    return std::make_unique<UniversalSelector>(proportional(selection.floor, pool), pool.draws);
}

std::unique_ptr<Selector> make(const Boltzmann& selection, const Pool& pool) {
    const double best = range_of(pool).best;
    return std::make_unique<WheelSelector>(Wheel(pool.population, [&](std::size_t i) {
        return clamped(portable_exp(-((pool.key[i] - best) / selection.temperature)));
    }));
}

std::unique_ptr<Selector> make(const ExponentialRank& selection, const Pool& pool) {
    Ranked ranked(selection.base, pool);
    Wheel wheel(ranked.weights.size(), [&](std::size_t i) { return ranked.weights[i]; });
    return std::make_unique<WheelSelector>(std::move(wheel), std::move(ranked.parents));
}

}  // namespace cambrian
