#include "arrays.hpp"
#include "bindings.hpp"
#include "cambrian/diversity.hpp"
#include "cambrian/simd.hpp"

namespace cambrian::bindings {
namespace {

py::array gene_entropy(const Layout& layout, py::handle genomes, const Threads& threads) {
    const Genomes rows = genomes_input(layout, genomes);
    Array<double> entropy = output<double>(py::none(), {static_cast<py::ssize_t>(layout.width())});
    by_genome_type(layout, [&](auto type) {
        const auto* data = genome_data<decltype(type)>(rows);
        const py::gil_scoped_release release;
        cambrian::gene_spread(layout, data, rows.n, threads, entropy.data, nullptr);
    });
    return entropy.owner;
}

py::array differing_pairs(const Layout& layout, py::handle genomes, const Threads& threads) {
    const Genomes rows = genomes_input(layout, genomes);
    Array<std::uint64_t> pairs =
        output<std::uint64_t>(py::none(), {static_cast<py::ssize_t>(layout.width())});
    by_genome_type(layout, [&](auto type) {
        const auto* data = genome_data<decltype(type)>(rows);
        const py::gil_scoped_release release;
        cambrian::gene_spread(layout, data, rows.n, threads, nullptr, pairs.data);
    });
    return pairs.owner;
}

py::array nearest_distance(const Layout& layout, py::handle genomes, py::handle others_argument,
                           const Threads& threads) {
    const bool within = others_argument.is_none();
    const Genomes rows = genomes_input(layout, genomes);
    const Genomes others = within ? rows : genomes_input(layout, others_argument, "others");
    if (rows.n > 0 && others.n < (within ? 2 : 1)) {
        throw py::value_error(within ? "genomes: expected two rows or more, got one, which has no neighbour"
                                     : "others: expected at least one row, got none");
    }
    Array<std::int64_t> distance = output<std::int64_t>(py::none(), {static_cast<py::ssize_t>(rows.n)});
    by_genome_type(layout, [&](auto type) {
        using T = decltype(type);
        const T* from = genome_data<T>(rows);
        const T* to = within ? nullptr : genome_data<T>(others);
        const py::gil_scoped_release release;
        cambrian::nearest_distance(layout, from, rows.n, to, others.n, threads, distance.data);
    });
    return distance.owner;
}

py::array repeats(const Layout& layout, py::handle genomes, const Threads& threads) {
    const Genomes rows = genomes_input(layout, genomes);
    Array<bool> repeated = output<bool>(py::none(), {static_cast<py::ssize_t>(rows.n)});
    by_genome_type(layout, [&](auto type) {
        const auto* data = genome_data<decltype(type)>(rows);
        const py::gil_scoped_release release;
        cambrian::repeats(layout, data, rows.n, threads, repeated.data);
    });
    return repeated.owner;
}

py::array repeated(py::handle hashes) {
    const auto rows = input<std::uint64_t>(hashes, "hashes", {kAny, 2});
    const std::size_t n = rows.size(0);
    Array<bool> out = output<bool>(py::none(), {static_cast<py::ssize_t>(n)});
    static_assert(sizeof(Digest::Value) == 2 * sizeof(std::uint64_t));
    const std::span digests(reinterpret_cast<const Digest::Value*>(rows.data), n);
    const Threads threads{1, interrupt_poll()};
    const py::gil_scoped_release release;
    cambrian::repeats(digests, threads, out.data);
    return out.owner;
}

}  // namespace

void bind_diversity(py::module_& module) {
    module.def(
        "gene_entropy",
        [](py::object layout, py::object genomes, py::object threads) {
            return gene_entropy(layout_argument(layout), genomes, threads_argument(threads));
        },
        "Entropy of each gene in bits, over the genomes in which it takes part.", py::arg("layout"),
        py::arg("genomes"), py::kw_only(), py::arg("threads") = 1);
    module.def(
        "differing_pairs",
        [](py::object layout, py::object genomes, py::object threads) {
            return differing_pairs(layout_argument(layout), genomes, threads_argument(threads));
        },
        "In how many pairs of rows each gene differs.", py::arg("layout"), py::arg("genomes"), py::kw_only(),
        py::arg("threads") = 1);
    module.def(
        "nearest_distance",
        [](py::object layout, py::object genomes, py::object others, py::object threads) {
            return nearest_distance(layout_argument(layout), genomes, others, threads_argument(threads));
        },
        "Hamming distance of each row to the nearest other one.", py::arg("layout"), py::arg("genomes"),
        py::arg("others") = py::none(), py::kw_only(), py::arg("threads") = 1);
    module.def(
        "repeats",
        [](py::object layout, py::object genomes, py::object threads) {
            return repeats(layout_argument(layout), genomes, threads_argument(threads));
        },
        "Which rows repeat an earlier one.", py::arg("layout"), py::arg("genomes"), py::kw_only(),
        py::arg("threads") = 1);
    module.def("repeated", &repeated, "Which rows of hashes (n, 2) repeat an earlier one.",
               py::arg("hashes"));
}

}  // namespace cambrian::bindings
