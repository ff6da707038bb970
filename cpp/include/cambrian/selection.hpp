// Which parents are chosen. Key: one number a parent, lower is better, NaN loses to everything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <variant>

#include "cambrian/parallel.hpp"
#include "cambrian/rng.hpp"

namespace cambrian {

// The best of `size` parents drawn uniformly with replacement. Equal ones: the one drawn first wins, so that
// a parent's place in the population gives it no advantage.
struct Tournament {
    static constexpr std::uint32_t kMaxSize = 1U << 20;
    std::uint32_t size;
};

// As Tournament, but with competitors that are all different unless `replace`, and won by the best with
// probability p, else by the second with probability p, and so on, else by the last (Goldberg and Deb 1991).
struct VariedTournament {
    std::uint32_t size;
    bool replace;
    double p;
};

// Two tournaments, whose winners compete by size: the smaller one wins with probability parsimony / 2 (Luke
// and Panait 2002). Or the other way round: a tournament of winners by size.
struct DoubleTournament {
    std::uint32_t size;
    double parsimony;
    bool fitness_first;
    const double* sizes;
    std::size_t rows;
};

// The better of two different parents of one niche, the first of two of different niches (Seada and Deb
// 2016). A failed one, and one of niche -1 that is worse, loses in any case.
struct NicheTournament {
    const std::int64_t* niche;
    std::size_t rows;
};

// A linear function of the rank (Baker 1985): the best is expected `pressure` times (1 … 2) as often as the
// mean, the worst 2 - pressure times. Equal parents share what their ranks get.
struct LinearRank {
    double pressure;
};

// base^rank (Blickle and Thiele 1996), rank 0 the best. Equal parents share what their ranks get.
struct ExponentialRank {
    double base;
};

// In proportion to how far the cost lies below the worst; `floor`: what the worst gets, the best getting 1.
// Parents of equal cost get the same; a failed one nothing, unless all failed.
struct Roulette {
    double floor;
};

// As Roulette, but all winners by one turn of a wheel with evenly spaced pointers (Baker 1987), shuffled.
struct StochasticUniversal {
    double floor;
};

// In proportion to exp(-cost / temperature).
struct Boltzmann {
    double temperature;
};

// Uniform among the best share, at least one. Those equal to the last of them share its chances.
struct TruncationSelection {
    double share;
};

// Cases in random order, each keeping those of the lowest error (Spector 2012), or those at most epsilon
// above it (La Cava, Spector and Danai 2016), until one is left. NaN is the highest error. `automatic`:
// epsilon is each case's median absolute deviation.
struct Lexicase {
    const double* cases;  // (rows, count)
    std::size_t rows;
    std::size_t count;
    double epsilon;
    bool automatic;
};

using Selection =
    std::variant<Tournament, VariedTournament, DoubleTournament, NicheTournament, Lexicase, LinearRank,
                 ExponentialRank, Roulette, StochasticUniversal, Boltzmann, TruncationSelection>;

// A selection made ready for one population.
class Selector {
  public:
    virtual ~Selector() = default;

    // Winners `first` … first + count - 1. Each depends on the source, the population and its number only.
    virtual void pick(const Source& source, std::uint32_t first, std::size_t count,
                      std::uint32_t* winners) const = 0;
    // About how many nanoseconds a winner takes.
    virtual std::size_t work() const = 0;
};

// `key` is only read, and must outlive the selector. `draws`: how many winners will be asked for in all.
std::unique_ptr<Selector> make_selector(const Selection& selection, const double* key,
                                        std::uint32_t population, std::size_t draws);

// Winners 0 … n - 1.
void select(const double* key, std::uint32_t population, std::size_t n, const Selection& selection,
            const Source& source, const Threads& threads, std::int64_t* out);

}  // namespace cambrian
