// Which parents are chosen. Key: one number a parent, lower is better, NaN loses to everything.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cambrian/parallel.hpp"
#include "cambrian/rng.hpp"

namespace cambrian {

// The best of `size` parents drawn uniformly with replacement. Equal ones: the one drawn first wins, so that
// a parent's place in the population gives it no advantage.
struct Tournament {
    static constexpr std::uint32_t kMaxSize = 1U << 20;
    std::uint32_t size;

    std::uint32_t pick(const double* key, const Bound& population, Stream& stream) const {
        std::uint32_t best = stream.below(population);
        double lowest = key[best];
        for (std::uint32_t i = 1; i < size; ++i) {
            const std::uint32_t next = stream.below(population);
            const double other = key[next];
            // Arithmetic in place of a branch: which of two random parents is better can't be predicted.
            const std::uint32_t better =
                0U - static_cast<std::uint32_t>((other < lowest) | (lowest != lowest));
            best ^= (best ^ next) & better;
            lowest = key[best];
        }
        return best;
    }
};

// Winner i depends on the source, the keys and i only. Child i of `breed` has winners 2i and 2i + 1 as
// parents.
void tournament(const double* key, std::uint32_t population, std::size_t n, const Tournament& tournament,
                const Source& source, const Threads& threads, std::int64_t* out);

}  // namespace cambrian
