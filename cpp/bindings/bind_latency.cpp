#include <cmath>
#include <string>
#include <vector>

#include "arrays.hpp"
#include "bindings.hpp"
#include "cambrian/latency.hpp"

namespace cambrian::bindings {
namespace {

void need_graphs(const Layout& layout) {
    if (layout.plain()) throw py::value_error("layout: a plain space has no networks, and so no latency");
}

void check_times(const Array<const std::int64_t>& times) {
    for (std::size_t i = 0; i < times.size(); ++i) {
        if (times.data[i] < 0 || times.data[i] > kMaxPicoseconds) {
            throw py::value_error("picoseconds: must be within 0 and " + std::to_string(kMaxPicoseconds) +
                                  ", got " + std::to_string(times.data[i]) + " at " + std::to_string(i));
        }
    }
}

void check_estimates(const Array<const double>& estimates) {
    for (std::size_t i = 0; i < estimates.size(); ++i) {
        if (!std::isfinite(estimates.data[i])) {
            throw py::value_error("estimates: must be finite, got " + std::to_string(estimates.data[i]));
        }
    }
}

py::dict latency(const Layout& layout, py::handle genomes, py::handle keys, py::handle picoseconds,
                 py::handle estimates, std::int64_t batch, py::handle threads) {
    need_graphs(layout);
    const Genomes rows = genomes_input(layout, genomes);
    const auto words = input<std::int32_t>(keys, "keys", {kAny, static_cast<py::ssize_t>(kKeyWords)});
    const auto n = static_cast<py::ssize_t>(words.size(0));
    const auto times = input<std::int64_t>(picoseconds, "picoseconds", {n});
    const auto formulas =
        input<double>(estimates, "estimates",
                      {static_cast<py::ssize_t>(n_classes()), static_cast<py::ssize_t>(kWorkWords)});
    check_times(times);
    check_estimates(formulas);
    const TimeTable table{words.data, times.data, words.size(0), formulas.data, batch};
    const auto count = static_cast<py::ssize_t>(rows.n);
    py::array_t<std::int64_t> sums(count), estimated(count), nodes(count);
    const Times out{sums.mutable_data(), estimated.mutable_data(), nodes.mutable_data()};
    const Threads workers = threads_argument(threads);
    by_genome_type(layout, [&](auto type) {
        const auto* data = genome_data<decltype(type)>(rows);
        const py::gil_scoped_release release;
        cambrian::latency(layout, data, rows.n, table, out, workers);
    });
    py::dict result;
    result["picoseconds"] = sums;
    result["estimated"] = estimated;
    result["nodes"] = nodes;
    return result;
}

template <class T>
py::array matrix(const std::vector<T>& values, std::size_t columns) {
    const auto rows = static_cast<py::ssize_t>(values.size() / columns);
    return py::array_t<T>({rows, static_cast<py::ssize_t>(columns)}, values.data());
}

py::dict node_list(const Layout& layout, py::handle genomes) {
    need_graphs(layout);
    const Genomes rows = genomes_input(layout, genomes);
    const Threads workers{1, interrupt_poll()};
    const NodeList list = by_genome_type(layout, [&](auto type) {
        const auto* data = genome_data<decltype(type)>(rows);
        const py::gil_scoped_release release;
        return cambrian::node_list(layout, data, rows.n, workers);
    });
    py::dict result;
    result["offsets"] =
        py::array_t<std::int64_t>(static_cast<py::ssize_t>(list.offsets.size()), list.offsets.data());
    result["keys"] = matrix(list.keys, kKeyWords);
    result["work"] = matrix(list.work, kWorkWords);
    result["classes"] =
        py::array_t<std::int32_t>(static_cast<py::ssize_t>(list.classes.size()), list.classes.data());
    return result;
}

}  // namespace

void bind_latency(py::module_& module) {
    module.def(
        "latency",
        [](py::object layout, py::object genomes, py::object keys, py::object picoseconds,
           py::object estimates, py::object batch, py::object threads) {
            return latency(layout_argument(layout), genomes, keys, picoseconds, estimates,
                           batch_argument(batch), threads);
        },
        "Times of the nodes of each network, looked up by key or estimated, and added up.", py::arg("layout"),
        py::arg("genomes"), py::kw_only(), py::arg("keys"), py::arg("picoseconds"), py::arg("estimates"),
        py::arg("batch") = 1, py::arg("threads") = 1);
    module.def(
        "node_list",
        [](py::object layout, py::object genomes) { return node_list(layout_argument(layout), genomes); },
        "The nodes of the networks: key, work and class of each.", py::arg("layout"), py::arg("genomes"));
}

}  // namespace cambrian::bindings
