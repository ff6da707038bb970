// Tournaments beyond the plain one.
#include <bit>
#include <stdexcept>
#include <string>
#include <vector>

#include "selectors.hpp"

namespace cambrian {
namespace {

void check_rows(std::size_t rows, const Pool& pool, const char* column) {
    if (rows == pool.population) return;
    throw std::invalid_argument(std::string(column) + ": expected a row for each of the " +
                                std::to_string(pool.population) + " parents, got " + std::to_string(rows));
}

bool failed(double key) {
    return key != key;
}

// A set of the few numbers that were drawn.
class Seen {
  public:
    explicit Seen(std::uint32_t most) : slots_(most <= kFew ? 0 : std::bit_ceil(2 * std::size_t{most})) {}

    // Adds one, and says whether it is new; `before`: those that were added.
    bool add(std::uint32_t value, const std::uint32_t* before, std::size_t count) {
        if (slots_.empty()) return std::find(before, before + count, value) == before + count;
        if (count == 0) std::fill(slots_.begin(), slots_.end(), 0);
        const std::size_t mask = slots_.size() - 1;
        std::size_t at = value * std::size_t{0x9E37'79B1} & mask;
        for (; slots_[at] != 0; at = (at + 1) & mask) {
            if (slots_[at] == value + 1) return false;
        }
        slots_[at] = value + 1;
        return true;
    }

  private:
    static constexpr std::uint32_t kFew = 32;
    std::vector<std::uint32_t> slots_;  // one more than the value, or 0
};

// Each winner has a stream of its own.
class VariedSelector final : public GroupSelector {
  public:
    VariedSelector(const VariedTournament& selection, const Pool& pool)
        : pool_(pool), size_(selection.size), replace_(selection.replace), bound_(pool.population) {
        if (!replace_ && size_ > std::max(pool.population, 1U)) {
            throw std::invalid_argument("tournament: expected at least " + std::to_string(size_) +
                                        " parents for as many different competitors, got " +
                                        std::to_string(pool.population));
        }
        double left = 1.0;
        while (selection.p < 1.0 && places_.size() + 1 < size_) {
            left *= 1.0 - selection.p;
            places_.push_back(Chance(1.0 - left));
            if (places_.back().threshold >> 32 != 0) break;
        }
    }

    std::size_t work() const override {
        const double share = replace_ ? 0.0 : static_cast<double>(size_ - 1) / pool_.population;
        return static_cast<std::size_t>(16.0 * size_ / std::max(1.0 - share, 0.05));
    }

  private:
    void group(const Source& source, std::uint32_t number, Group& winners) const override {
        constexpr std::size_t kTogether = 1024;  // competitors, so that memory has time to fetch their costs
        const std::size_t lanes = std::clamp<std::size_t>(kTogether / size_, 1, kGroup);
        std::vector<std::uint32_t> drawn(lanes * size_);
        std::array<std::uint32_t, kGroup> places;
        std::vector<Rival> rivals(places_.empty() ? 0 : size_);
        Seen seen(replace_ ? 0 : size_);
        const Streams streams(source, kSelect, number * static_cast<std::uint32_t>(kGroup), kGroup);
        for (std::size_t from = 0; from < kGroup; from += lanes) {
            const std::size_t some = std::min(lanes, kGroup - from);
            for (std::size_t i = 0; i < some; ++i) {
                Stream stream = streams[from + i];
                places[i] = place(stream);
                draw(stream, drawn.data() + i * size_, seen);
            }
            for (std::size_t i = 0; i < some; ++i)
                winners[from + i] = winner(drawn.data() + i * size_, places[i], rivals);
        }
    }

    // Which of the competitors wins, 0 the best.
    std::uint32_t place(Stream& stream) const {
        if (places_.empty()) return 0;
        const std::uint32_t word = stream.word();
        std::uint32_t k = 0;
        while (k < places_.size() && !places_[k].holds(word)) ++k;
        return k;
    }

    void draw(Stream& stream, std::uint32_t* drawn, Seen& seen) const {
        for (std::size_t d = 0; d < size_; ++d) {
            do {
                drawn[d] = stream.below(bound_);
            } while (!replace_ && !seen.add(drawn[d], drawn, d));
            prefetch(pool_.key + drawn[d]);
        }
    }

    struct Rival {
        double cost;
        std::uint32_t drawn;
        bool operator<(const Rival& other) const {
            return cost != other.cost ? cost < other.cost : drawn < other.drawn;
        }
    };

    std::uint32_t winner(const std::uint32_t* drawn, std::uint32_t place, std::vector<Rival>& rivals) const {
        if (place == 0) {
            std::uint32_t best = drawn[0];
            double lowest = pool_.cost(best);
            for (std::size_t d = 1; d < size_; ++d) {
                const double cost = pool_.cost(drawn[d]);
                best = cost < lowest ? drawn[d] : best;
                lowest = std::min(lowest, cost);
            }
            return best;
        }
        for (std::uint32_t d = 0; d < size_; ++d) rivals[d] = {pool_.cost(drawn[d]), d};
        std::nth_element(rivals.begin(), rivals.begin() + place, rivals.end());
        return drawn[rivals[place].drawn];
    }

    Pool pool_;
    std::uint32_t size_;
    bool replace_;
    Bound bound_;
    std::vector<Chance> places_;  // chance of a place up to k
};

// Draw d of all winners of a group is made before draw d + 1 of any.
class DoubleSelector final : public GroupSelector {
  public:
    DoubleSelector(const DoubleTournament& selection, const Pool& pool)
        : pool_(pool), rule_(selection), bound_(pool.population), smaller_(selection.parsimony / 2.0) {
        check_rows(selection.rows, pool, "columns['size']");
    }

    std::size_t work() const override { return std::size_t{16} * rule_.size; }

  private:
    static constexpr std::uint32_t kBlocks = kGroup / 4;
    static constexpr double kWorst = std::numeric_limits<double>::infinity();

    void group(const Source& source, std::uint32_t number, Group& winners) const override {
        alignas(64) Group other;
        std::uint32_t block = 0;
        fittest(source, number, block, winners);
        if (!rule_.fitness_first) return;
        fittest(source, number, block, other);
        compare_sizes(source, number, block, winners, other);
    }

    // The best of `size` drawn ones, or of as many winners by size.
    void fittest(const Source& source, std::uint32_t number, std::uint32_t& block, Group& best) const {
        alignas(64) Group drawn, other;
        std::array<double, kGroup> lowest;
        for (std::uint32_t d = 0; d < rule_.size; ++d) {
            draw(source, number, block, drawn);
            if (!rule_.fitness_first) {
                draw(source, number, block, other);
                compare_sizes(source, number, block, drawn, other);
            }
            for (std::size_t i = 0; i < kGroup; ++i) {
                const double cost = pool_.cost(drawn[i]), before = d == 0 ? kWorst : lowest[i];
                const std::uint32_t old = d == 0 ? drawn[i] : best[i];
                const bool better = cost < before;
                // Arithmetic in place of a branch, which couldn't be predicted.
                best[i] = old ^ ((old ^ drawn[i]) & (0U - std::uint32_t{better}));
                lowest[i] = std::min(cost, before);
            }
        }
    }

    void draw(const Source& source, std::uint32_t number, std::uint32_t& block, Group& drawn) const {
        below_fill(source, kSelect, number, block, bound_, kGroup, drawn.data());
        block += kBlocks;
        for (const std::uint32_t i : drawn) {
            prefetch(pool_.key + i);
            if (!rule_.fitness_first) prefetch(rule_.sizes + i);
        }
    }

    // The smaller of each two with its probability, else the other; a failed one only against another failed
    // one.
    void compare_sizes(const Source& source, std::uint32_t number, std::uint32_t& block, Group& first,
                       const Group& second) const {
        alignas(64) Group words;
        philox_fill(source.key, {block, kSelect, number, source.generation}, 0, kBlocks, words.data());
        block += kBlocks;
        for (std::size_t i = 0; i < kGroup; ++i) {
            const std::uint32_t a = first[i], b = second[i];
            const bool lost = failed(pool_.key[a]), other_lost = failed(pool_.key[b]);
            const bool by_size = (rule_.sizes[b] < rule_.sizes[a]) == smaller_.holds(words[i]);
            const bool second_wins = (lost & !other_lost) | ((lost == other_lost) & by_size);
            first[i] = a ^ ((a ^ b) & (0U - std::uint32_t{second_wins}));
        }
    }

    Pool pool_;
    DoubleTournament rule_;
    Bound bound_;
    Chance smaller_;
};

class NicheSelector final : public GroupSelector {
  public:
    NicheSelector(const NicheTournament& selection, const Pool& pool)
        : pool_(pool), niche_(selection.niche), first_(pool.population), second_(pool.population - 1) {
        check_rows(selection.rows, pool, "niche");
    }

    std::size_t work() const override { return 24; }

  private:
    void group(const Source& source, std::uint32_t number, Group& winners) const override {
        winners.fill(0);
        if (pool_.population == 1) return;
        alignas(64) Group others;
        below_fill(source, kSelect, number, 0, first_, kGroup, winners.data());
        below_fill(source, kSelect, number, kGroup / 4, second_, kGroup, others.data());
        for (std::size_t i = 0; i < kGroup; ++i) {
            others[i] += others[i] >= winners[i] ? 1 : 0;
            for (const std::uint32_t at : {winners[i], others[i]}) {
                prefetch(pool_.key + at);
                prefetch(niche_ + at);
            }
        }
        for (std::size_t i = 0; i < kGroup; ++i) {
            const std::uint32_t a = winners[i], b = others[i];
            // A failed one loses in any niche; those that aren't feasible have the niche -1 and lose too.
            const bool compared = niche_[a] == niche_[b] || niche_[a] < 0 || niche_[b] < 0 ||
                                  failed(pool_.key[a]) || failed(pool_.key[b]);
            winners[i] = compared && pool_.cost(b) < pool_.cost(a) ? b : a;
        }
    }

    Pool pool_;
    const std::int64_t* niche_;
    Bound first_, second_;
};

}  // namespace

std::unique_ptr<Selector> make(const VariedTournament& selection, const Pool& pool) {
    return std::make_unique<VariedSelector>(selection, pool);
}

std::unique_ptr<Selector> make(const DoubleTournament& selection, const Pool& pool) {
    return std::make_unique<DoubleSelector>(selection, pool);
}

std::unique_ptr<Selector> make(const NicheTournament& selection, const Pool& pool) {
    return std::make_unique<NicheSelector>(selection, pool);
}

}  // namespace cambrian
