// Gaussian and polynomial mutation: hit genes that are ordered move, mostly a little.
#include <cmath>
#include <map>

#include "cambrian/mutation.hpp"
#include "cambrian/real.hpp"
#include "changes.hpp"
#include "gene_mutator.hpp"
#include "ladder.hpp"

namespace cambrian {
namespace {

// Where a table would be longer, the formula is used: a table is made once a call, be it for few genomes.
constexpr std::uint32_t kMostSteps = 64, kMostPowers = 256;

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

// What moves ordered genes of as many options.
template <class Move>
class Moves {
  public:
    static constexpr bool kNeedsPrivacy = true;  // tables are looked up by the present option

    Moves(const Layout& layout, double parameter) {
        std::map<std::int32_t, std::uint32_t> known;
        for (const Column& column : layout.columns) {
            options_.push_back(static_cast<std::uint32_t>(column.options));
            move_.push_back(kNone);
            if (!column.ordered() || column.options < 2) continue;
            const auto [place, fresh] = known.try_emplace(column.options, moves_.size());
            if (fresh) moves_.emplace_back(parameter, options_.back());
            move_.back() = place->second;
        }
    }

    template <class T>
    void change(const Brood& brood, T* children, Scratch<T>& scratch) const {
        Values values(brood, scratch.hits.size(), 2, scratch.words);
        const std::uint32_t* word = values.words();
        for (const Hit hit : scratch.hits) {
            const std::uint32_t old = children[hit.at], move = move_[hit.column];
            children[hit.at] =
                static_cast<T>(move == kNone ? values.other(old, options_[hit.column], word[0])
                                             : moves_[move].from(old, word[0], word[1], values.again()));
            word += 2;
        }
    }

  private:
    static constexpr std::uint32_t kNone = ~std::uint32_t{0};

    std::vector<std::uint32_t> options_;
    std::vector<std::uint32_t> move_;
    std::vector<Move> moves_;
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
