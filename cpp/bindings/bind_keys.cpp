#include <algorithm>
#include <bit>
#include <string>
#include <vector>

#include "arrays.hpp"
#include "bindings.hpp"
#include "cambrian/keys.hpp"
#include "cambrian/slot_edits.hpp"

namespace cambrian::bindings {
namespace {

py::array keys(const Layout& layout, py::handle genomes) {
    const Genomes rows = genomes_input(layout, genomes);
    Array<std::uint64_t> found = output<std::uint64_t>(py::none(), {static_cast<py::ssize_t>(rows.n)});
    by_genome_type(layout, [&](auto type) {
        const auto* data = genome_data<decltype(type)>(rows);
        const py::gil_scoped_release release;
        genome_keys(layout, data, rows.n, found.data);
    });
    return found.owner;
}

// 0 marks a free word, so it can't be a key.
Array<const std::uint64_t> keys_input(py::handle value) {
    const auto keys = input<std::uint64_t>(value, "keys", {kAny});
    if (std::find(keys.data, keys.data + keys.size(), std::uint64_t{0}) != keys.data + keys.size())
        throw py::value_error("keys: expected words other than 0, which marks a free place");
    return keys;
}

void check_table(std::size_t size) {
    if (!std::has_single_bit(size))
        throw py::value_error("table: expected a length that is a power of two, got " + std::to_string(size));
}

py::array remember(py::handle table_argument, py::handle keys_argument) {
    py::array owner = checked_array(table_argument, "table", py::dtype::of<std::uint64_t>(), {kAny}, true);
    const KeyTable table{static_cast<std::uint64_t*>(owner.mutable_data()),
                         static_cast<std::size_t>(owner.size())};
    check_table(table.size);
    const auto keys = keys_input(keys_argument);
    if (overlap(owner, keys.owner)) throw py::value_error("table: shares memory with keys");
    Array<bool> added = output<bool>(py::none(), {static_cast<py::ssize_t>(keys.size())});
    const py::gil_scoped_release release;
    add_keys(table, keys.data, keys.size(), reinterpret_cast<std::uint8_t*>(added.data));
    return added.owner;
}

py::array absent(py::handle table_argument, py::handle keys_argument) {
    const auto words = input<std::uint64_t>(table_argument, "table", {kAny});
    // Only read.
    const KeyTable table{const_cast<std::uint64_t*>(words.data), words.size()};
    check_table(table.size);
    const auto keys = keys_input(keys_argument);
    Array<bool> found = output<bool>(py::none(), {static_cast<py::ssize_t>(keys.size())});
    const py::gil_scoped_release release;
    absent_keys(table, keys.data, keys.size(), reinterpret_cast<std::uint8_t*>(found.data));
    return found.owner;
}

py::array edits(const Layout& layout, py::handle genome) {
    const Genomes rows = genomes_input(layout, genome);
    if (rows.n != 1) throw py::value_error("genome: expected one row, got " + std::to_string(rows.n));
    py::array result;
    by_genome_type(layout, [&](auto type) {
        using T = decltype(type);
        const std::vector<T> found = slot_edits(layout, genome_data<T>(rows));
        const auto n = static_cast<py::ssize_t>(found.size() / layout.width());
        Genomes out = genomes_output(layout, py::none(), n);
        std::copy(found.begin(), found.end(), mutable_genome_data<T>(out));
        result = out.owner;
    });
    return result;
}

}  // namespace

void bind_keys(py::module_& module) {
    module.def(
        "keys", [](py::object layout, py::object genomes) { return keys(layout_argument(layout), genomes); },
        "64-bit keys of the genomes, never 0; equal for equal normal forms.", py::arg("layout"),
        py::arg("genomes"));
    module.def(
        "remember", [](py::object table, py::object keys) { return remember(table, keys); },
        "Adds keys to a table, whose length is a power of two and whose free words are 0; gives which were "
        "new.",
        py::arg("table"), py::arg("keys"));
    module.def(
        "absent", [](py::object table, py::object keys) { return absent(table, keys); },
        "Which keys `remember` would say are new.", py::arg("table"), py::arg("keys"));
    module.def(
        "slot_edits",
        [](py::object layout, py::object genome) { return edits(layout_argument(layout), genome); },
        "The genomes in which one slot is deleted, copied or exchanged with the next, in normal form.",
        py::arg("layout"), py::arg("genome"));
}

}  // namespace cambrian::bindings
