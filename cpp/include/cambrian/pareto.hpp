// Pareto ranks and crowding of costs, row by row; lower is better in every column.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

namespace cambrian {

// Rank 0 is the front, rank 1 the front without it, and so on. Equal rows share a rank. Once `stop` rows have
// a rank (0: all), the rest share the next one. Rows that hold NaN or infinity share the last. `poll` is
// called now and then, and may throw to stop the work: with many objectives it grows with n squared.
void nondominated_rank(const double* cost, std::size_t n, std::size_t objectives, std::size_t stop,
                       std::int64_t* rank, const std::function<void()>& poll = {});

// Crowding distance within each rank (Deb, Pratap, Agarwal and Meyarivan, "A Fast and Elitist Multiobjective
// Genetic Algorithm: NSGA-II", 2002): higher is lonelier, infinite at the ends. Of equal values the earlier
// row sorts first. Rows that hold NaN or infinity get 0.
void crowding(const double* cost, const std::int64_t* rank, std::size_t n, std::size_t objectives,
              double* distance);

}  // namespace cambrian
