#include "cambrian/pareto.hpp"

#include <algorithm>

#include "pareto_rows.hpp"

namespace cambrian {
namespace {

// Every row of one objective is a front of its own.
Fronts fronts_of_one(const ParetoRows& rows, FrontsNeeded& needed) {
    Fronts front(rows.size());
    for (std::uint32_t i = 0; i < rows.size(); ++i) needed.add(front[i] = i, rows.copies(i));
    return front;
}

Fronts fronts_of(const ParetoRows& rows, FrontsNeeded& needed, const Poll& poll) {
    switch (rows.columns.size()) {
        case 1:
            return fronts_of_one(rows, needed);
        case 2:
            return fronts_of_two(rows, needed, poll);
        case 3:
            return fronts_of_three(rows, needed, poll);
        default:
            return fronts_of_many(rows, needed, poll);
    }
}

}  // namespace

void nondominated_rank(const double* cost, std::size_t n, std::size_t objectives, std::size_t stop,
                       std::int64_t* rank, const std::function<void()>& poll) {
    const ParetoRows rows(cost, n, objectives);
    FrontsNeeded needed(stop);
    const Fronts front = fronts_of(rows, needed, poll);
    std::int64_t ranks = 0;
    std::fill_n(rank, n, std::int64_t{-1});
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const std::int64_t given = std::min(front[i], needed.fronts());
        for (std::uint32_t at = rows.start[i]; at < rows.start[i + 1]; ++at) rank[rows.row[at]] = given;
        ranks = std::max(ranks, given + 1);
    }
    std::replace(rank, rank + n, std::int64_t{-1}, ranks);
}

}  // namespace cambrian
