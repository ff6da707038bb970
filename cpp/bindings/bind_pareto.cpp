#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "arrays.hpp"
#include "bindings.hpp"
#include "cambrian/nsga3.hpp"
#include "cambrian/pareto.hpp"

namespace cambrian::bindings {
namespace {

Array<const double> cost_input(py::handle value) {
    Array<const double> cost = input<double>(value, "cost", {kAny, kAny});
    if (cost.size(1) == 0) throw py::value_error("cost: expected at least one objective (column), got none");
    return cost;
}

py::array nondominated_rank(py::handle cost_argument, py::handle stop_argument) {
    const Array<const double> cost = cost_input(cost_argument);
    const auto stop = static_cast<std::size_t>(integer(stop_argument, "stop", 0));
    Array<std::int64_t> rank = output<std::int64_t>(py::none(), {cost.owner.shape(0)});
    {
        const py::gil_scoped_release release;
        cambrian::nondominated_rank(cost.data, cost.size(0), cost.size(1), stop, rank.data, interrupt_poll());
    }
    return rank.owner;
}

py::array crowding(py::handle cost_argument, py::handle rank_argument) {
    const Array<const double> cost = cost_input(cost_argument);
    const Array<const std::int64_t> rank = input<std::int64_t>(rank_argument, "rank", {cost.owner.shape(0)});
    Array<double> distance = output<double>(py::none(), {cost.owner.shape(0)});
    {
        const py::gil_scoped_release release;
        cambrian::crowding(cost.data, rank.data, cost.size(0), cost.size(1), distance.data);
    }
    return distance.owner;
}

py::array selection_key(py::handle cost_argument, py::handle violation_argument, py::handle stop_argument) {
    const Array<const double> cost = cost_input(cost_argument);
    Array<const double> violation{py::array(), nullptr};
    if (!violation_argument.is_none()) {
        violation = input<double>(violation_argument, "violation", {cost.owner.shape(0)});
    }
    const auto stop = static_cast<std::size_t>(integer(stop_argument, "stop", 0));
    Array<double> key = output<double>(py::none(), {cost.owner.shape(0)});
    {
        const py::gil_scoped_release release;
        cambrian::selection_key(cost.data, cost.size(0), cost.size(1), violation.data, stop, key.data,
                                interrupt_poll());
    }
    return key.owner;
}

py::array best_rows(py::handle key_argument, py::handle n_argument) {
    const Array<const double> key = input<double>(key_argument, "key", {kAny});
    const std::int64_t n = integer(n_argument, "n", 0, key.owner.shape(0));
    Array<std::int64_t> best = output<std::int64_t>(py::none(), {n});
    {
        const py::gil_scoped_release release;
        cambrian::best_rows(key.data, key.size(), static_cast<std::size_t>(n), best.data);
    }
    return best.owner;
}

py::tuple associate(py::handle cost_argument, py::handle rank_argument, py::handle fronts,
                    py::handle points_argument) {
    const Array<const double> cost = cost_input(cost_argument);
    const py::ssize_t n = cost.owner.shape(0);
    const Array<const std::int64_t> rank = input<std::int64_t>(rank_argument, "rank", {n});
    const Array<const double> points = input<double>(points_argument, "points", {kAny, cost.owner.shape(1)});
    const RankedCosts costs{cost.data, rank.data, cost.size(0), cost.size(1), integer(fronts, "fronts", 0)};
    Array<std::int64_t> niche = output<std::int64_t>(py::none(), {n});
    Array<double> distance = output<double>(py::none(), {n});
    {
        const py::gil_scoped_release release;
        cambrian::associate(costs, points.data, points.size(0), niche.data, distance.data, interrupt_poll());
    }
    return py::make_tuple(niche.owner, distance.owner);
}

struct NichingOptions {
    py::handle niches, last, places, seed, generation;
};

py::array fill_niches(py::handle rank_argument, py::handle niche_argument, py::handle distance_argument,
                      const NichingOptions& options) {
    const Array<const std::int64_t> rank = input<std::int64_t>(rank_argument, "rank", {kAny});
    const py::ssize_t n = rank.owner.shape(0);
    const Array<const std::int64_t> niche = input<std::int64_t>(niche_argument, "niche", {n});
    const Array<const double> distance = input<double>(distance_argument, "distance", {n});
    const auto niches = static_cast<std::size_t>(integer(options.niches, "niches", 0, 1LL << 32));
    const auto places = static_cast<std::size_t>(integer(options.places, "places", 0, n));
    const Niching niching{rank.data,   niche.data, distance.data,
                          rank.size(), niches,     integer(options.last, "last", 0)};
    const Source source(seed_argument(options.seed), 0, word_argument(options.generation, "generation"));
    std::vector<std::int64_t> chosen(places);
    {
        const py::gil_scoped_release release;
        chosen.resize(cambrian::fill_niches(niching, places, source, chosen.data()));
    }
    return py::array_t<std::int64_t>(static_cast<py::ssize_t>(chosen.size()), chosen.data());
}

// Whether some value is infinite. Lanes of their own, so that the loop vectorises; a NaN is never the larger.
bool any_infinite(const double* values, std::size_t count) {
    constexpr std::size_t kLanes = 16;
    std::array<double, kLanes> largest{};
    const std::size_t whole = count - count % kLanes;
    for (std::size_t i = 0; i < whole; i += kLanes) {
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
            const double size = std::abs(values[i + lane]);
            largest[lane] = size > largest[lane] ? size : largest[lane];
        }
    }
    for (std::size_t i = whole; i < count; ++i) largest[0] = std::max(largest[0], std::abs(values[i]));
    return *std::max_element(largest.begin(), largest.end()) > std::numeric_limits<double>::max();
}

std::int64_t infinite_row(py::handle cost_argument) {
    const Array<const double> cost = cost_input(cost_argument);
    const auto width = cost.owner.shape(1);
    const py::gil_scoped_release release;
    if (!any_infinite(cost.data, cost.size())) return -1;
    const double* end = cost.data + cost.size();
    const double* at = std::find_if(cost.data, end, [](double value) { return std::isinf(value); });
    return at == end ? -1 : (at - cost.data) / width;
}

}  // namespace

void bind_pareto(py::module_& module) {
    module.def(
        "selection_key",
        [](py::object cost, py::object violation, py::object stop) {
            return selection_key(cost, violation, stop);
        },
        "Place of each row: feasible ones first, by cost, or by Pareto rank and crowding; NaN if it failed.",
        py::arg("cost"), py::arg("violation") = py::none(), py::kw_only(), py::arg("stop") = 0);
    module.def(
        "best_rows", [](py::object key, py::object n) { return best_rows(key, n); },
        "The n rows of lowest key, best first, NaN last.", py::arg("key"), py::arg("n"));
    module.def(
        "associate",
        [](py::object cost, py::object rank, py::object fronts, py::object points) {
            return associate(cost, rank, fronts, points);
        },
        "Nearest reference point of each row of the first fronts, and the distance from its direction.",
        py::arg("cost"), py::arg("rank"), py::kw_only(), py::arg("fronts"), py::arg("points"));
    module.def(
        "fill_niches",
        [](py::object rank, py::object niche, py::object distance, py::object niches, py::object last,
           py::object places, py::object seed, py::object generation) {
            return fill_niches(rank, niche, distance, {niches, last, places, seed, generation});
        },
        "Rows of the front `last` for so many places, chosen niche by niche.", py::arg("rank"),
        py::arg("niche"), py::arg("distance"), py::kw_only(), py::arg("niches"), py::arg("last"),
        py::arg("places"), py::arg("seed") = 0, py::arg("generation") = 0);
    module.def(
        "nondominated_rank", [](py::object cost, py::object stop) { return nondominated_rank(cost, stop); },
        "Pareto rank of each row; rank 0 is the front, rows that hold NaN or infinity come last.",
        py::arg("cost"), py::kw_only(), py::arg("stop") = 0);
    module.def(
        "crowding", [](py::object cost, py::object rank) { return crowding(cost, rank); },
        "Crowding distance of each row within its rank; higher is lonelier.", py::arg("cost"),
        py::arg("rank"));
    module.def(
        "infinite_row", [](py::object cost) { return infinite_row(cost); },
        "The first row that holds an infinite value, or -1.", py::arg("cost"));
}

}  // namespace cambrian::bindings
