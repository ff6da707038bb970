// Linear ranking and truncation, which need no sort.
#include <vector>

#include "places.hpp"
#include "selectors.hpp"
#include "vector.hpp"

namespace cambrian {
namespace {

// winners[i] becomes the better of itself and others[i] if words[i] is below the threshold, else the other
// one.
CAMBRIAN_INLINE void duel(const double* key, const std::uint32_t* others, const std::uint32_t* words,
                          std::uint64_t threshold, std::uint32_t* winners) {
    constexpr double kWorst = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < kGroup; ++i) {
        const double a = key[winners[i]], b = key[others[i]];
        const double mine = a == a ? a : kWorst, other = b == b ? b : kWorst;
        const bool change = (other < mine) == (words[i] < threshold);
        winners[i] = change ? others[i] : winners[i];
    }
}
CAMBRIAN_VERSIONS(void, duel,
                  (const double* key, const std::uint32_t* others, const std::uint32_t* words,
                   std::uint64_t threshold, std::uint32_t* winners),
                  (key, others, words, threshold, winners))

// Of two different parents the better one is of rank r in 2 (n - 1 - r) of n (n - 1) cases, the other in 2 r:
// so if the better one wins with probability pressure / 2, the chances are linear in r, and equal parents
// share theirs. Parents that failed take no part, unless all did.
class LinearSelector final : public GroupSelector {
  public:
    LinearSelector(const LinearRank& selection, const Pool& pool)
        : pool_(pool), first_(0), second_(0), better_(selection.pressure / 2.0) {
        const auto failed = [&](std::uint32_t i) { return pool.key[i] != pool.key[i]; };
        for (std::uint32_t i = 0; i < pool.population; ++i) {
            if (failed(i)) some_failed_ = true;
        }
        if (some_failed_) list_others();
        const auto count = some_failed_ ? static_cast<std::uint32_t>(parents_.size()) : pool.population;
        first_ = Bound(count);
        second_ = Bound(count - (count > 0 ? 1 : 0));
    }

    std::size_t work() const override { return 16; }

  private:
    void group(const Source& source, std::uint32_t number, Group& winners) const override {
        winners.fill(some_failed_ ? parents_[0] : 0);
        if (first_.bound == 1) return;
        alignas(64) Group others, words;
        below_fill(source, kSelect, number, 0, first_, kGroup, winners.data());
        below_fill(source, kSelect, number, kGroup / 4, second_, kGroup, others.data());
        philox_fill(source.key, {kGroup / 2, kSelect, number, source.generation}, 0, kGroup / 4,
                    words.data());
        for (std::size_t i = 0; i < kGroup; ++i) others[i] += others[i] >= winners[i] ? 1 : 0;
        if (some_failed_) {
            for (std::size_t i = 0; i < kGroup; ++i) {
                winners[i] = parents_[winners[i]];
                others[i] = parents_[others[i]];
            }
        }
        if (pool_.far()) {
            for (std::size_t i = 0; i < kGroup; ++i) {
                prefetch(pool_.key + winners[i]);
                prefetch(pool_.key + others[i]);
            }
        }
        duel_(pool_.key, others.data(), words.data(), better_.threshold, winners.data());
    }

    // Those that didn't fail, or all if all did.
    void list_others() {
        for (std::uint32_t i = 0; i < pool_.population; ++i) {
            if (pool_.key[i] == pool_.key[i]) parents_.push_back(i);
        }
        some_failed_ = !parents_.empty();
    }

    Pool pool_;
    bool some_failed_ = false;            // and some not
    std::vector<std::uint32_t> parents_;  // those, then
    Bound first_, second_;
    Chance better_;
    decltype(&duel_scalar) duel_ = choose_duel();
};

class TruncationSelector final : public GroupSelector {
  public:
    TruncationSelector(const TruncationSelection& selection, const Pool& pool)
        : best_(most(selection.share, pool.population)), equal_bound_(0) {
        if (pool.population == 0) return;
        const std::vector<std::uint64_t> bits = ordered(pool);
        split(bits, place_of(bits, best_.bound - 1), better_, equal_);
        equal_bound_ = Bound(static_cast<std::uint32_t>(equal_.size()));
    }

    std::size_t work() const override { return 8; }

  private:
    static Bound most(double share, std::uint32_t population) {
        const double many = share * static_cast<double>(population);
        const auto whole = static_cast<std::uint32_t>(many);
        const std::uint32_t up = whole + (static_cast<double>(whole) < many ? 1 : 0);
        return Bound(std::min(std::max(up, 1U), population));
    }

    void group(const Source& source, std::uint32_t number, Group& winners) const override {
        alignas(64) Group places, others;
        below_fill(source, kSelect, number, 0, best_, kGroup, places.data());
        below_fill(source, kSelect, number, kGroup / 4, equal_bound_, kGroup, others.data());
        const auto better = static_cast<std::uint32_t>(better_.size());
        for (std::size_t i = 0; i < kGroup; ++i) {
            winners[i] = places[i] < better ? better_[places[i]] : equal_[others[i]];
        }
    }

    Bound best_;
    Bound equal_bound_;
    std::vector<std::uint32_t> better_;  // than the last that is chosen
    std::vector<std::uint32_t> equal_;   // to it
};

}  // namespace

std::unique_ptr<Selector> make(const LinearRank& selection, const Pool& pool) {
    return std::make_unique<LinearSelector>(selection, pool);
}

std::unique_ptr<Selector> make(const TruncationSelection& selection, const Pool& pool) {
    return std::make_unique<TruncationSelector>(selection, pool);
}

}  // namespace cambrian
