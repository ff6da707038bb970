#include <algorithm>
#include <cstring>
#include <vector>

#include "arrays.hpp"
#include "bindings.hpp"
#include "cambrian/activity.hpp"
#include "cambrian/layout.hpp"
#include "cambrian/module_costs.hpp"
#include "cambrian/operation.hpp"

namespace cambrian::bindings {
namespace {

py::str text(std::string_view words) {
    return py::str(words.data(), words.size());
}

py::list texts(std::span<const std::string_view> words) {
    py::list list;
    for (const auto word : words) list.append(text(word));
    return list;
}

py::list operation_table() {
    py::list table;
    for (const OpInfo& operation : operations()) {
        py::dict kinds;
        if (!operation.kinds.empty()) kinds[text(operation.attrs[operation.kind])] = texts(operation.kinds);
        py::dict entry;
        entry["name"] = text(operation.name);
        entry["attrs"] = texts(operation.attrs);
        entry["kinds"] = kinds;
        table.append(entry);
    }
    return table;
}

template <class T>
py::array_t<T> read_only(std::vector<T> values) {
    py::array_t<T> array(static_cast<py::ssize_t>(values.size()), values.data());
    array.attr("setflags")(py::arg("write") = false);
    return array;
}

Layout parse_layout(py::handle words) {
    const auto array = input<std::int64_t>(words, "words", {kAny});
    // A private copy, so that another thread can't change a word after it was checked.
    const std::vector<std::int64_t> copy(array.data, array.data + array.size());
    return Layout::parse(copy);
}

py::array_t<std::int64_t> options_of(const Layout& layout) {
    std::vector<std::int64_t> options;
    for (const auto& column : layout.columns) options.push_back(column.options);
    return read_only(std::move(options));
}

py::array flags_of(const std::vector<std::uint8_t>& flags) {
    py::array_t<bool> array(static_cast<py::ssize_t>(flags.size()));
    std::copy(flags.begin(), flags.end(), array.mutable_data());
    array.attr("setflags")(py::arg("write") = false);
    return array;
}

// Runs `visit(row, normal form, flags)` for each genome, on a private copy of the row.
template <class T, class Visit>
void for_normal_forms(const Layout& layout, const T* genomes, std::size_t n, Visit visit) {
    const std::size_t width = layout.width();
    std::vector<T> normal(width);
    std::vector<std::uint8_t> flags(width);
    for (std::size_t row = 0; row < n; ++row) {
        cambrian::normalise(layout, genomes + row * width, normal.data(), flags.data());
        visit(row, normal, flags);
    }
}

py::array_t<bool> active(const Layout& layout, py::handle genomes) {
    const Genomes rows = genomes_input(layout, genomes);
    const std::size_t width = layout.width();
    py::array_t<bool> result({static_cast<py::ssize_t>(rows.n), static_cast<py::ssize_t>(width)});
    bool* data = result.mutable_data();
    by_genome_type(layout, [&](auto type) {
        const auto* genome = genome_data<decltype(type)>(rows);
        const py::gil_scoped_release release;
        for_normal_forms(layout, genome, rows.n, [&](std::size_t row, const auto&, const auto& flags) {
            std::copy(flags.begin(), flags.end(), data + row * width);
        });
    });
    return result;
}

py::array normalise(const Layout& layout, py::handle genomes, py::handle out) {
    const Genomes rows = genomes_input(layout, genomes);
    Genomes result = genomes_output(layout, out, static_cast<py::ssize_t>(rows.n));
    if (overlap(rows.owner, result.owner) && rows.owner.data() != result.owner.data()) {
        throw py::value_error("out: overlaps genomes; pass the same array or one apart from it");
    }
    by_genome_type(layout, [&](auto type) {
        using T = decltype(type);
        const T* genome = genome_data<T>(rows);
        T* data = mutable_genome_data<T>(result);
        const py::gil_scoped_release release;
        for_normal_forms(layout, genome, rows.n, [&](std::size_t row, const auto& normal, const auto&) {
            std::copy(normal.begin(), normal.end(), data + row * normal.size());
        });
    });
    return result.owner;
}

Layout with_modules(const Layout& layout, py::handle keys, py::handle costs) {
    constexpr auto width = static_cast<py::ssize_t>(std::tuple_size_v<ModuleKey>);
    const auto rows = input<std::int32_t>(keys, "keys", {kAny, width});
    const auto counts = input<std::int64_t>(costs, "costs", {static_cast<py::ssize_t>(rows.size(0)), 2});
    Layout copy = layout;
    copy.modules = std::make_shared<const ModuleCosts>(std::span(rows.data, rows.size()),
                                                       std::span(counts.data, counts.size()));
    return copy;
}

void bind_class(py::module_& module) {
    py::class_<Layout>(module, "Layout", "A space compiled for the core; immutable.")
        .def(py::init([](py::object words) { return parse_layout(words); }), py::arg("words"))
        .def_property_readonly("words",
                               [](py::object self) { return read_only(layout_argument(self).words); })
        .def_property_readonly("n_genes", [](py::object self) { return layout_argument(self).width(); })
        .def_property_readonly("dtype", [](py::object self) { return genome_dtype(layout_argument(self)); })
        .def_property_readonly("options", [](py::object self) { return options_of(layout_argument(self)); })
        .def_property_readonly("plain", [](py::object self) { return layout_argument(self).plain(); })
        .def_property_readonly("recipe",
                               [](py::object self) { return flags_of(layout_argument(self).recipe); })
        .def_property_readonly("operations",
                               [](py::object self) { return flags_of(layout_argument(self).operations); })
        .def(
            "with_modules",
            [](py::object self, py::object keys, py::object costs) {
                return with_modules(layout_argument(self), keys, costs);
            },
            "The same layout with what users' modules cost: keys int32 (n, 11), costs (params, macs) int64 "
            "(n, 2).",
            py::arg("keys"), py::arg("costs"))
        .def("__reduce__", [](py::object self) {
            return py::make_tuple(py::type::of(self), py::make_tuple(self.attr("words")));
        });
}

}  // namespace

void bind_layout(py::module_& module) {
    bind_class(module);
    module.def("operations", &operation_table,
               "One dict an operation, in code order: name, attrs, kinds (attr -> words).");
    module.def(
        "check",
        [](py::object layout, py::object genomes) { genomes_input(layout_argument(layout), genomes); },
        "Raises TypeError or ValueError, naming what is wrong, unless these are genomes of the layout.",
        py::arg("layout"), py::arg("genomes"));
    module.def(
        "active",
        [](py::object layout, py::object genomes) { return active(layout_argument(layout), genomes); },
        "Which genes take part.", py::arg("layout"), py::arg("genomes"));
    module.def(
        "normalise",
        [](py::object layout, py::object genomes, py::object out) {
            return normalise(layout_argument(layout), genomes, out);
        },
        "The genomes with every gene that takes no part set to 0.", py::arg("layout"), py::arg("genomes"),
        py::kw_only(), py::arg("out") = py::none());
}

}  // namespace cambrian::bindings
