#include <thread>

#include "arrays.hpp"
#include "bindings.hpp"
#include "cambrian/breed.hpp"
#include "cambrian/sample.hpp"
#include "cambrian/simd.hpp"
#include "operators.hpp"

namespace cambrian::bindings {
namespace {

Source source_arguments(py::handle seed, py::handle run, py::handle generation) {
    simd();  // reads the environment the first time: while the GIL keeps Python from writing to it
    return {seed_argument(seed), word_argument(run, "run"), word_argument(generation, "generation")};
}

Threads threads_with_poll(py::handle threads) {
    return {threads_argument(threads), interrupt_poll()};
}

// Rows are read and written one at a time, so the very same array is fine, and one shifted against it is not.
void refuse_partial_overlap(const Genomes& genomes, const Genomes& out, const char* name) {
    if (out.owner.data() != genomes.owner.data() && overlap(out.owner, genomes.owner)) {
        throw py::value_error("out: overlaps " + std::string(name) + " without being the same array");
    }
}

void refuse_overlap(const py::array& read, const py::array& out, const char* name) {
    if (overlap(out, read)) throw py::value_error("out: shares memory with " + std::string(name));
}

// Two draws of parents are made for each child, and individuals are numbered by a 32-bit word.
Array<const double> key_input(py::handle value, py::ssize_t population, py::ssize_t n) {
    const Array<const double> key = input<double>(value, "key", {population});
    if (n > 0 && key.size() == 0)
        throw py::value_error("key: expected at least one parent to choose from, got none");
    if (key.size() > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())) {
        throw py::value_error("key: at most 2**31 - 1 parents, got " + std::to_string(key.size()));
    }
    return key;
}

py::array sample(const Layout& layout, py::handle n, const Source& source, const Threads& threads,
                 py::handle out) {
    Genomes result = genomes_output(layout, out, count_argument(n, "n", layout));
    by_genome_type(layout, [&](auto type) {
        auto* data = mutable_genome_data<decltype(type)>(result);
        const py::gil_scoped_release release;
        cambrian::sample(layout, result.n, source, threads, data);
    });
    return result.owner;
}

py::array tournament(py::handle key_argument, py::handle n_argument, const Tournament& selection,
                     const Source& source, const Threads& threads) {
    const auto n =
        static_cast<py::ssize_t>(integer(n_argument, "n", 0, std::numeric_limits<std::uint32_t>::max()));
    const Array<const double> key = key_input(key_argument, kAny, n);
    Array<std::int64_t> winners = output<std::int64_t>(py::none(), {n});
    {
        const py::gil_scoped_release release;
        cambrian::tournament(key.data, static_cast<std::uint32_t>(key.size()), winners.size(), selection,
                             source, threads, winners.data);
    }
    return winners.owner;
}

py::array breed(const Layout& layout, py::handle genomes_argument, py::handle key_argument,
                py::handle n_argument, const Operators& operators, const Source& source,
                const Threads& threads, py::handle out) {
    const Genomes parents = genomes_input(layout, genomes_argument);
    const py::ssize_t n = count_argument(n_argument, "n", layout);
    const Array<const double> key = key_input(key_argument, static_cast<py::ssize_t>(parents.n), n);
    Genomes result = genomes_output(layout, out, n);
    refuse_overlap(parents.owner, result.owner, "genomes");
    refuse_overlap(key.owner, result.owner, "key");
    by_genome_type(layout, [&](auto type) {
        using T = decltype(type);
        const T* from = genome_data<T>(parents);
        T* to = mutable_genome_data<T>(result);
        const py::gil_scoped_release release;
        cambrian::breed(layout, from, key.data, static_cast<std::uint32_t>(parents.n), result.n, operators,
                        source, threads, to);
    });
    return result.owner;
}

py::array crossover(const Layout& layout, py::handle first_argument, py::handle second_argument,
                    const Crossover& operation, const Source& source, const Threads& threads,
                    py::handle out) {
    const Genomes first = genomes_input(layout, first_argument, "first");
    const Genomes second = genomes_input(layout, second_argument, "second");
    if (first.n != second.n) {
        throw py::value_error("second: expected as many rows as first, " + std::to_string(first.n) +
                              ", got " + std::to_string(second.n));
    }
    Genomes result = genomes_output(layout, out, static_cast<py::ssize_t>(first.n));
    refuse_partial_overlap(first, result, "first");
    refuse_partial_overlap(second, result, "second");
    by_genome_type(layout, [&](auto type) {
        using T = decltype(type);
        const T* from = genome_data<T>(first);
        const T* other = genome_data<T>(second);
        T* to = mutable_genome_data<T>(result);
        const py::gil_scoped_release release;
        cambrian::crossover(layout, from, other, first.n, operation, source, threads, to);
    });
    return result.owner;
}

py::array mutate(const Layout& layout, py::handle genomes_argument, const std::vector<Mutation>& mutations,
                 const Source& source, const Threads& threads, py::handle out) {
    const Genomes genomes = genomes_input(layout, genomes_argument);
    Genomes result = genomes_output(layout, out, static_cast<py::ssize_t>(genomes.n));
    refuse_partial_overlap(genomes, result, "genomes");
    by_genome_type(layout, [&](auto type) {
        using T = decltype(type);
        const T* from = genome_data<T>(genomes);
        T* to = mutable_genome_data<T>(result);
        const py::gil_scoped_release release;
        cambrian::mutate(layout, from, genomes.n, mutations, source, threads, to);
    });
    return result.owner;
}

void bind_sample(py::module_& module) {
    module.def(
        "simd", [] { return simd_name(simd()); }, "Vector instructions in use: scalar, avx2 or avx512.");
    module.def(
        "hardware_threads", [] { return std::thread::hardware_concurrency(); }, "Threads of this machine.");
    module.def(
        "sample",
        [](py::object layout, py::object n, py::object seed, py::object run, py::object generation,
           py::object threads, py::object out) {
            return sample(layout_argument(layout), n, source_arguments(seed, run, generation),
                          threads_with_poll(threads), out);
        },
        "Uniform genomes.", py::arg("layout"), py::arg("n"), py::kw_only(), py::arg("seed"),
        py::arg("run") = 0, py::arg("generation") = 0, py::arg("threads") = 1, py::arg("out") = py::none());
    module.def(
        "tournament",
        [](py::object key, py::object n, py::object size, py::object seed, py::object run,
           py::object generation, py::object threads) {
            return tournament(key, n, selection_operator(py::make_tuple("tournament", size)),
                              source_arguments(seed, run, generation), threads_with_poll(threads));
        },
        "Indices of n winners; child i of breed has winners 2i and 2i + 1 as parents.", py::arg("key"),
        py::arg("n"), py::kw_only(), py::arg("size"), py::arg("seed"), py::arg("run") = 0,
        py::arg("generation") = 0, py::arg("threads") = 1);
}

void bind_operators(py::module_& module) {
    module.def(
        "crossover",
        [](py::object layout, py::object first, py::object second, py::object operation, py::object seed,
           py::object run, py::object generation, py::object threads, py::object out) {
            return crossover(layout_argument(layout), first, second,
                             crossover_operator(operation, "operator"),
                             source_arguments(seed, run, generation), threads_with_poll(threads), out);
        },
        "One child of each pair of rows.", py::arg("layout"), py::arg("first"), py::arg("second"),
        py::kw_only(), py::arg("operator"), py::arg("seed"), py::arg("run") = 0, py::arg("generation") = 0,
        py::arg("threads") = 1, py::arg("out") = py::none());
    module.def(
        "mutate",
        [](py::object layout, py::object genomes, py::object operators, py::object seed, py::object run,
           py::object generation, py::object threads, py::object out) {
            return mutate(layout_argument(layout), genomes, mutation_operators(operators, "operators"),
                          source_arguments(seed, run, generation), threads_with_poll(threads), out);
        },
        "Each row, changed by the operators in order.", py::arg("layout"), py::arg("genomes"), py::kw_only(),
        py::arg("operators"), py::arg("seed"), py::arg("run") = 0, py::arg("generation") = 0,
        py::arg("threads") = 1, py::arg("out") = py::none());
}

void bind_breed(py::module_& module) {
    module.def(
        "breed",
        [](py::object layout, py::object genomes, py::object key, py::object n, py::object selection,
           py::object crossing, py::object mutation, py::object seed, py::object run, py::object generation,
           py::object threads, py::object out) {
            const Operators operators{selection_operator(selection),
                                      crossover_operator(crossing, "crossover"),
                                      mutation_operators(mutation, "mutation")};
            return breed(layout_argument(layout), genomes, key, n, operators,
                         source_arguments(seed, run, generation), threads_with_poll(threads), out);
        },
        "n children: tournament, crossover and mutation in one pass.", py::arg("layout"), py::arg("genomes"),
        py::arg("key"), py::arg("n"), py::kw_only(), py::arg("selection"), py::arg("crossover"),
        py::arg("mutation"), py::arg("seed"), py::arg("run") = 0, py::arg("generation") = 0,
        py::arg("threads") = 1, py::arg("out") = py::none());
}

}  // namespace

void bind_variation(py::module_& module) {
    bind_sample(module);
    bind_operators(module);
    bind_breed(module);
}

}  // namespace cambrian::bindings
