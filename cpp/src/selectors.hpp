// The selectors, one factory each, and what they share.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>

#include "cambrian/brood.hpp"
#include "cambrian/selection.hpp"

namespace cambrian {

struct Pool {
    const double* key;
    std::uint32_t population;
    std::size_t draws;  // winners that will be asked for

    // NaN is infinity, as it loses to everything.
    double cost(std::size_t i) const {
        const double read = key[i];
        return read == read ? read : std::numeric_limits<double>::infinity();
    }
    // Keys that the second cache may not hold.
    bool far() const { return population > (1U << 14); }
};

std::unique_ptr<Selector> make(const Tournament& selection, const Pool& pool);
std::unique_ptr<Selector> make(const VariedTournament& selection, const Pool& pool);
std::unique_ptr<Selector> make(const DoubleTournament& selection, const Pool& pool);
std::unique_ptr<Selector> make(const NicheTournament& selection, const Pool& pool);
std::unique_ptr<Selector> make(const Lexicase& selection, const Pool& pool);
std::unique_ptr<Selector> make(const LinearRank& selection, const Pool& pool);
std::unique_ptr<Selector> make(const ExponentialRank& selection, const Pool& pool);
std::unique_ptr<Selector> make(const Roulette& selection, const Pool& pool);
std::unique_ptr<Selector> make(const StochasticUniversal& selection, const Pool& pool);
std::unique_ptr<Selector> make(const Boltzmann& selection, const Pool& pool);
std::unique_ptr<Selector> make(const TruncationSelection& selection, const Pool& pool);

// Winners are found in groups, whose draws are made together.
inline constexpr std::size_t kGroup = 256;
using Group = std::array<std::uint32_t, kGroup>;

class GroupSelector : public Selector {
  public:
    void pick(const Source& source, std::uint32_t first, std::size_t count,
              std::uint32_t* winners) const final {
        alignas(64) Group all;
        for (std::uint32_t at = first; count > 0;) {
            const std::size_t skipped = at % kGroup;
            const std::size_t some = std::min(count, kGroup - skipped);
            group(source, static_cast<std::uint32_t>(at / kGroup), all);
            winners = std::copy_n(all.begin() + skipped, some, winners);
            at += static_cast<std::uint32_t>(some);
            count -= some;
        }
    }

  protected:
    // Winners kGroup * number … of a population that is not empty.
    virtual void group(const Source& source, std::uint32_t number, Group& winners) const = 0;
};

}  // namespace cambrian
