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

// One number a row, its place; lower is better, equal rows share one. Feasible rows come before infeasible
// ones (Deb, "An Efficient Constraint Handling Method for Genetic Algorithms", 2000), these by violation,
// those by cost, where there are several objectives by Pareto rank (`stop` as above), then crowding.
// `violation`: one number a row, infeasible if positive; may be null. A row with a cost or violation that is
// NaN gets NaN, as does one of several objectives with an infinite cost.
void selection_key(const double* cost, std::size_t n, std::size_t objectives, const double* violation,
                   std::size_t stop, double* key, const std::function<void()>& poll = {});

// The `count` rows of lowest key, best first, NaN last; of equal keys the earlier row first.
void best_rows(const double* key, std::size_t n, std::size_t count, std::int64_t* best);

}  // namespace cambrian
