// Survival by reference points (Deb and Jain, "An Evolutionary Many-Objective Optimization Algorithm Using
// Reference-Point-Based Nondominated Sorting Approach, Part I", 2014). Costs: lower is better.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "cambrian/rng.hpp"

namespace cambrian {

struct RankedCosts {
    const double* cost;        // (n, objectives), finite where rank is within 0 … fronts - 1
    const std::int64_t* rank;  // (n,)
    std::size_t n;
    std::size_t objectives;
    std::int64_t fronts;  // rows of later fronts take no part
};

// Normalises the costs (ideal point, extreme points, intercepts) and finds each row's niche: the reference
// point whose direction is nearest in angle, of equally near ones the first; and its distance from that
// direction. Rows that take no part get niche -1 and infinity. `points`: (count, objectives), not negative,
// no row all zero.
void associate(const RankedCosts& costs, const double* points, std::size_t count, std::int64_t* niche,
               double* distance, const std::function<void()>& poll = {});

// Fills places from the last front that takes part: again and again the niche with the fewest survivors gets
// one more, its nearest row if it had none. Ties are broken by random numbers: of niches, by one a niche and
// number of survivors; of rows, by one a row.
struct Niching {
    const std::int64_t* rank;
    const std::int64_t* niche;  // those outside 0 … niches - 1 take no part
    const double* distance;
    std::size_t n;
    std::size_t niches;
    std::int64_t last;  // the front that is chosen from; those before it survive
};

// Writes the rows chosen, in the order in which they were, to `chosen`: as many as `places`, or fewer if the
// front has fewer. Returns how many.
std::size_t fill_niches(const Niching& niching, std::size_t places, const Source& source,
                        std::int64_t* chosen);

}  // namespace cambrian
