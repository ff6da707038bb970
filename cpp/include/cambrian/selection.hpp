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
using Selection = std::variant<Tournament>;

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
std::unique_ptr<Selector> make_tournament(const Tournament& tournament, const double* key,
                                          std::uint32_t population);

// Winners 0 … n - 1.
void select(const double* key, std::uint32_t population, std::size_t n, const Selection& selection,
            const Source& source, const Threads& threads, std::int64_t* out);

}  // namespace cambrian
