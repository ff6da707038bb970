#include "arrays.hpp"
#include "bindings.hpp"
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

}  // namespace

void bind_pareto(py::module_& module) {
    module.def(
        "nondominated_rank", [](py::object cost, py::object stop) { return nondominated_rank(cost, stop); },
        "Pareto rank of each row; rank 0 is the front, rows that hold NaN or infinity come last.",
        py::arg("cost"), py::kw_only(), py::arg("stop") = 0);
    module.def(
        "crowding", [](py::object cost, py::object rank) { return crowding(cost, rank); },
        "Crowding distance of each row within its rank; higher is lonelier.", py::arg("cost"),
        py::arg("rank"));
}

}  // namespace cambrian::bindings
