// Gaussian and polynomial mutation: hit genes that are ordered move, mostly a little.
#include <bit>
#include <cmath>
#include <map>
#include <numeric>

#include "cambrian/mutation.hpp"
#include "cambrian/real.hpp"
#include "changes.hpp"
#include "gene_mutator.hpp"
#include "ladder.hpp"

namespace cambrian {
namespace {

// Where a table would be longer, the formula is used: a table is made once a call, be it for few genomes.
constexpr std::uint32_t kMostSteps = 64, kMostPowers = 256, kMostTabled = 32;

// Entries of the alias method (Walker 1977; Vose 1991) for one of 2**bits options: the last `bits` bits of a
// word are an option; it stays below a threshold of the first ones, and else gives way to another.
void add_aliases(const std::vector<double>& chances, std::uint32_t bits, std::vector<std::uint32_t>& table) {
    const std::uint64_t column = std::uint64_t{1} << (32 - bits);
    const std::size_t first = table.size(), options = std::size_t{1} << bits;
    std::vector<std::uint64_t> weights(options);
    const double total = std::accumulate(chances.begin(), chances.end(), 0.0);
    double sum = 0.0;
    std::uint64_t before = 0;
    for (std::size_t v = 0; v < chances.size(); ++v) {
        sum += chances[v];
        const auto end = static_cast<std::uint64_t>(sum / total * 4294967296.0 + 0.5);
        weights[v] = end - before;
        before = end;
    }
    std::vector<std::size_t> small, large;
    for (std::size_t v = 0; v < options; ++v) {
        table.push_back(static_cast<std::uint32_t>(v));
        (weights[v] < column ? small : large).push_back(v);
    }
    while (!small.empty()) {
        const std::size_t poor = small.back(), rich = large.back();
        small.pop_back();
        table[first + poor] = static_cast<std::uint32_t>(weights[poor] << bits | rich);
        weights[rich] -= column - weights[poor];
        if (weights[rich] >= column) continue;
        large.pop_back();
        small.push_back(rich);
    }
}

std::uint32_t aliased(const std::uint32_t* entries, std::uint32_t bits, std::uint32_t word) {
    const std::uint32_t mask = (1U << bits) - 1, option = word & mask, entry = entries[option];
    // Arithmetic in place of a branch, which couldn't be predicted.
    const std::uint32_t stays = 0U - std::uint32_t{word >> bits < entry >> bits};
    return (entry ^ ((entry ^ option) & stays)) & mask;
}

// How likely a normal number is to be above x >= 0: Newton's method on its logarithm, from Sampford's bound
// (Annals of Mathematical Statistics 24, 1953). 1e-300 stands for less.
double normal_tail(double x) {
    const double density = 0.3989422804014327 * portable_exp(-0.5 * x * x);
    double tail = std::min(0.5, density * 4.0 / (3.0 * x + std::sqrt(x * x + 8.0)));
    for (int i = 0; i < 6 && tail > 1e-300; ++i) {
        const double q = -normal_quantile(tail);
        const double slope = 0.3989422804014327 * portable_exp(-0.5 * q * q) / tail;
        const double better = std::min(0.5, tail * portable_exp((q - x) * slope));
        if (better == tail) break;
        tail = better;
    }
    return std::max(tail, 1e-300);
}

// What moves ordered genes of as many options: of few, by a table of what becomes of each.
template <class Move>
class Moves {
  public:
    static constexpr bool kNeedsPrivacy = false;  // an option is read once, and limited before it is used

    Moves(const Layout& layout, double parameter) {
        std::map<std::int32_t, Way> known;
        for (const Column& column : layout.columns) {
            const auto last = static_cast<std::uint32_t>(column.options - 1);
            ways_.push_back({last, kNone, 0, 0});
            if (!column.ordered() || last == 0) continue;
            const auto [place, fresh] = known.try_emplace(column.options, ways_.back());
            if (fresh) place->second = way(Move(parameter, last + 1), last);
            ways_.back() = place->second;
            if (place->second.bits == 0) each_ = 2;
        }
    }

    template <class T>
    void change(const Brood& brood, T* children, Scratch<T>& scratch) const {
        Values values(brood, scratch.hits.size(), each_, scratch.words);
        const std::uint32_t *word = values.words(), *entries = table_.data();
        const Way* const ways = ways_.data();
        for (const Hit hit : scratch.hits) {
            const Way way = ways[hit.column];
            const std::uint32_t old = std::min<std::uint32_t>(children[hit.at], way.last);
            std::uint32_t value;
            if (way.bits != 0)
                value = aliased(entries + way.entries + (old << way.bits), way.bits, word[0]);
            else if (way.move == kNone)
                value = values.other(old, way.last + 1, word[0]);
            else
                value = moves_[way.move].from(old, word[0], word[1], values.again());
            children[hit.at] = static_cast<T>(value);
            word += each_;
        }
    }

  private:
    static constexpr std::uint32_t kNone = ~std::uint32_t{0};

    // How a gene changes: by 2**bits entries an option, else by a move, else to any other option.
    struct Way {
        std::uint32_t last;
        std::uint32_t move;
        std::uint32_t bits;
        std::uint32_t entries;
    };

    Way way(Move move, std::uint32_t last) {
        if (last >= kMostTabled || !move.known()) {
            moves_.push_back(std::move(move));
            return {last, static_cast<std::uint32_t>(moves_.size() - 1), 0, 0};
        }
        const auto first = static_cast<std::uint32_t>(table_.size());
        const auto bits = static_cast<std::uint32_t>(std::bit_width(last));
        for (std::uint32_t old = 0; old <= last; ++old) add_aliases(move.chances(old), bits, table_);
        return {last, kNone, bits, first};
    }

    std::vector<Way> ways_;
    std::vector<Move> moves_;
    std::vector<std::uint32_t> table_;
    std::size_t each_ = 1;  // words of a hit
};

// By a normal number of options, rounded, given that it isn't 0. At its ends the gene is reflected, as if it
// stood between mirrors half an option beyond the first and the last; where that leads back to the present
// option, the number is drawn again: less than half of the times.
class GaussianMove {
  public:
    GaussianMove(double sigma, std::uint32_t options)
        : options_(options), sigma_(sigma * (options - 1)), tail_(normal_tail(half())) {
        if (9.0 * sigma_ > kMostSteps) return;
        std::vector<double> rungs{1.0};
        while (rungs.back() > 0x1p-54)  // no uniform number is less
            rungs.push_back(normal_tail(half() * static_cast<double>(2 * rungs.size() + 1)) / tail_);
        ladder_ = Ladder(std::move(rungs));
    }

    std::uint32_t from(std::uint32_t old, std::uint32_t high, std::uint32_t low, Stream& again) const {
        while (true) {
            const std::int64_t step = steps(uniform_open(high, low));
            // A bit that the uniform number doesn't use.
            const std::int64_t place = reflected((low & 1) != 0 ? old + step : old - step);
            if (place != old) return static_cast<std::uint32_t>(place);
            high = again.word();
            low = again.word();
        }
    }

    // Whether chances() are known.
    bool known() const { return !ladder_.empty(); }

    // How likely each option is to come after this one.
    std::vector<double> chances(std::uint32_t old) const {
        std::vector<double> result(options_);
        for (std::size_t i = 0; i < ladder_.size(); ++i) {
            const double chance = ladder_[i] - (i + 1 < ladder_.size() ? ladder_[i + 1] : 0.0);
            const auto step = static_cast<std::int64_t>(i + 1);
            result[static_cast<std::size_t>(reflected(old + step))] += chance;
            result[static_cast<std::size_t>(reflected(old - step))] += chance;
        }
        result[old] = 0.0;
        return result;
    }

  private:
    // Half an option, in standard deviations; beyond 8 all moves are by one option anyway.
    double half() const { return std::min(0.5 / sigma_, 8.0); }

    std::int64_t steps(double u) const {
        if (!ladder_.empty()) return static_cast<std::int64_t>(ladder_.above(u));
        return std::max<std::int64_t>(static_cast<std::int64_t>(0.5 - normal_quantile(tail_ * u) * sigma_),
                                      1);
    }
    std::int64_t reflected(std::int64_t place) const {
        const std::int64_t options = options_;
        if (place >= 0 && place < options) return place;
        place %= 2 * options;
        if (place < 0) place += 2 * options;
        return place < options ? place : 2 * options - 1 - place;
    }

    std::uint32_t options_;
    double sigma_;   // in options
    double tail_;    // how likely a normal number is to be above half an option
    Ladder ladder_;  // to be more than 0, 1, … options, given that
};

// As a real number would by the bounded polynomial mutation that began in the middle of its option, each
// option being an equal part of the range, given that it leaves that part. A distance of i and a half options
// has the power (1 - (i + 1/2) / options)^(eta + 1), and this is uniform, on either side, between the powers
// of half an option and of the end.
class PolynomialMove {
  public:
    PolynomialMove(double eta, std::uint32_t options) : options_(options), exponent_(eta + 1.0) {
        if (options > kMostPowers) return;
        std::vector<double> powers;
        for (std::uint32_t i = 0; i < options; ++i) powers.push_back(power_of(i));
        powers_ = Ladder(std::move(powers));
    }

    std::uint32_t from(std::uint32_t old, std::uint32_t high, std::uint32_t low, Stream&) const {
        const std::uint32_t above = options_ - 1 - old;
        const double near = power(0), first = power(old), last = power(above);
        const double down = (near - first) / (1.0 - first), up = (near - last) / (1.0 - last);
        const double place = uniform_open(high, low) * (down + up);
        const bool falls = place < down;
        const double end = falls ? first : last, share = falls ? place / down : (place - down) / up;
        const std::uint32_t step =
            std::clamp<std::uint32_t>(steps(end + share * (near - end)), 1, falls ? old : above);
        return falls ? old - step : old + step;
    }

    bool known() const { return !powers_.empty() && powers_[0] > 0.0; }

    std::vector<double> chances(std::uint32_t old) const {
        std::vector<double> result(options_);
        for (std::uint32_t v = 0; v < options_; ++v) {
            const std::uint32_t step = v < old ? old - v : v - old, end = v < old ? old : options_ - 1 - old;
            if (step > 0) result[v] = (powers_[step - 1] - powers_[step]) / (1.0 - powers_[end]);
        }
        return result;
    }

  private:
    double power_of(std::uint32_t i) const { return portable_pow(1.0 - (i + 0.5) / options_, exponent_); }
    double power(std::uint32_t i) const { return powers_.empty() ? power_of(i) : powers_[i]; }
    std::uint32_t steps(double x) const {
        if (!powers_.empty()) return static_cast<std::uint32_t>(powers_.above(x));
        return static_cast<std::uint32_t>((1.0 - portable_pow(x, 1.0 / exponent_)) * options_ + 0.5);
    }

    std::uint32_t options_;
    double exponent_;
    Ladder powers_;
};

}  // namespace

template <class T>
std::unique_ptr<Mutator<T>> make_gene_mutator(const Layout& layout, const GaussianMutation& mutation) {
    return make_by_rate<T>(layout, mutation.rate, Moves<GaussianMove>(layout, mutation.sigma));
}
template <class T>
std::unique_ptr<Mutator<T>> make_gene_mutator(const Layout& layout, const PolynomialMutation& mutation) {
    return make_by_rate<T>(layout, mutation.rate, Moves<PolynomialMove>(layout, mutation.eta));
}

template std::unique_ptr<Mutator<std::uint8_t>> make_gene_mutator(const Layout&, const GaussianMutation&);
template std::unique_ptr<Mutator<std::uint16_t>> make_gene_mutator(const Layout&, const GaussianMutation&);
template std::unique_ptr<Mutator<std::uint8_t>> make_gene_mutator(const Layout&, const PolynomialMutation&);
template std::unique_ptr<Mutator<std::uint16_t>> make_gene_mutator(const Layout&, const PolynomialMutation&);

}  // namespace cambrian
