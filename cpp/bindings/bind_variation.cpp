#include <array>
#include <thread>

#include "arrays.hpp"
#include "bindings.hpp"
#include "cambrian/breed.hpp"
#include "cambrian/mixture.hpp"
#include "cambrian/sample.hpp"
#include "cambrian/simd.hpp"
#include "operators.hpp"

namespace cambrian::bindings {
namespace {

Source source_arguments(py::handle seed, py::handle run, py::handle generation) {
    simd();  // reads the environment the first time: while the GIL keeps Python from writing to it
    return {seed_argument(seed), word_argument(run, "run"), word_argument(generation, "generation")};
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

py::array select(py::handle key_argument, py::handle n_argument, const Selection& selection,
                 const Source& source, const Threads& threads) {
    const auto n =
        static_cast<py::ssize_t>(integer(n_argument, "n", 0, std::numeric_limits<std::uint32_t>::max()));
    const Array<const double> key = key_input(key_argument, kAny, n);
    Array<std::int64_t> winners = output<std::int64_t>(py::none(), {n});
    {
        const py::gil_scoped_release release;
        cambrian::select(key.data, static_cast<std::uint32_t>(key.size()), winners.size(), selection, source,
                         threads, winners.data);
    }
    return winners.owner;
}

// Own rates of genomes, before and after.
struct Rates {
    Array<const double> in{{}, nullptr};
    Array<double> out{{}, nullptr};

    Rates(py::handle rates, py::ssize_t population, py::handle rates_out, py::ssize_t n) {
        if (rates.is_none() != rates_out.is_none())
            throw py::value_error("rates, rates_out: expected both or neither");
        if (rates.is_none()) return;
        in = input<double>(rates, "rates", {population});
        out = {checked_array(rates_out, "rates_out", py::dtype::of<double>(), {n}, true), nullptr};
        out.data = static_cast<double*>(out.owner.mutable_data());
    }
};

py::array breed(const Layout& layout, py::handle genomes_argument, py::handle key_argument,
                py::handle n_argument, const Operators& operators, const Source& source,
                const Threads& threads, py::handle out, const std::array<py::handle, 3>& beside) {
    const Genomes parents = genomes_unchecked(layout, genomes_argument);
    const auto population = static_cast<py::ssize_t>(parents.n);
    const py::ssize_t n = count_argument(n_argument, "n", layout);
    const Array<const double> key = key_input(key_argument, population, n);
    Genomes result = genomes_output(layout, out, n);
    refuse_overlap(parents.owner, result.owner, "genomes");
    refuse_overlap(key.owner, result.owner, "key");
    const Rates rates(beside[0], population, beside[1], n);
    if (rates.in.data != nullptr) refuse_overlap(rates.in.owner, rates.out.owner, "rates");
    Array<std::int64_t> parents_out{{}, nullptr};
    if (!beside[2].is_none()) {
        parents_out.owner =
            checked_array(beside[2], "parents_out", py::dtype::of<std::int64_t>(), {n, 2}, true);
        parents_out.data = static_cast<std::int64_t*>(parents_out.owner.mutable_data());
    }
    by_genome_type(layout, [&](auto type) {
        using T = decltype(type);
        const Parents<T> from{genome_data<T>(parents), key.data, static_cast<std::uint32_t>(parents.n),
                              rates.in.data};
        const Children<T> to{mutable_genome_data<T>(result), result.n, rates.out.data, parents_out.data};
        std::size_t beyond;
        {
            const py::gil_scoped_release release;
            beyond = cambrian::breed(layout, from, operators, source, threads, to);
        }
        if (beyond != parents.n) refuse_row(layout, from.genomes, beyond, "genomes");
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
                 std::uint32_t place, const Source& source, const Threads& threads, py::handle out,
                 py::handle rates_in, py::handle rates_out) {
    const Genomes genomes = genomes_input(layout, genomes_argument);
    const auto n = static_cast<py::ssize_t>(genomes.n);
    Genomes result = genomes_output(layout, out, n);
    refuse_partial_overlap(genomes, result, "genomes");
    const Rates rates(rates_in, n, rates_out, n);
    by_genome_type(layout, [&](auto type) {
        using T = decltype(type);
        const cambrian::Genomes<T> work{genome_data<T>(genomes), genomes.n, mutable_genome_data<T>(result),
                                        rates.in.data, rates.out.data};
        const py::gil_scoped_release release;
        cambrian::mutate(layout, work, mutations, place, source, threads);
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
                          threads_argument(threads), out);
        },
        "Uniform genomes.", py::arg("layout"), py::arg("n"), py::kw_only(), py::arg("seed"),
        py::arg("run") = 0, py::arg("generation") = 0, py::arg("threads") = 1, py::arg("out") = py::none());
    module.def(
        "select",
        [](py::object key, py::object n, py::object operation, py::object seed, py::object run,
           py::object generation, py::object threads) {
            return select(key, n, selection_operator(operation, "operator"),
                          source_arguments(seed, run, generation), threads_argument(threads));
        },
        "Indices of n winners.", py::arg("key"), py::arg("n"), py::kw_only(), py::arg("operator"),
        py::arg("seed"), py::arg("run") = 0, py::arg("generation") = 0, py::arg("threads") = 1);
    module.def(
        "choices",
        [](py::object weights, py::object place, py::object n, py::object seed, py::object run,
           py::object generation) {
            const std::vector<double> checked = weights_argument(weights, "weights");
            const auto purpose = static_cast<std::uint32_t>(integer(place, "place", -1, kMaxOperators - 1));
            const auto count =
                static_cast<py::ssize_t>(integer(n, "n", 0, std::numeric_limits<std::int32_t>::max()));
            const Source source = source_arguments(seed, run, generation);
            Array<std::uint8_t> chosen = output<std::uint8_t>(py::none(), {count});
            {
                const py::gil_scoped_release release;
                choices(checked, purpose + 1 == 0 ? kCross : kMutate + purpose, chosen.size(), source, {},
                        chosen.data);
            }
            return chosen.owner;
        },
        "Which operator of a mixture each of n children gets; place -1: of crossovers, else of mutations.",
        py::arg("weights"), py::arg("place"), py::arg("n"), py::kw_only(), py::arg("seed"),
        py::arg("run") = 0, py::arg("generation") = 0);
}

void bind_operators(py::module_& module) {
    module.def(
        "crossover",
        [](py::object layout, py::object first, py::object second, py::object operation, py::object seed,
           py::object run, py::object generation, py::object threads, py::object out) {
            return crossover(layout_argument(layout), first, second,
                             crossover_operator(operation, "operator"),
                             source_arguments(seed, run, generation), threads_argument(threads), out);
        },
        "One child of each pair of rows.", py::arg("layout"), py::arg("first"), py::arg("second"),
        py::kw_only(), py::arg("operator"), py::arg("seed"), py::arg("run") = 0, py::arg("generation") = 0,
        py::arg("threads") = 1, py::arg("out") = py::none());
    module.def(
        "mutate",
        [](py::object layout, py::object genomes, py::object operators, py::object seed, py::object run,
           py::object generation, py::object threads, py::object out, py::object place, py::object rates,
           py::object rates_out) {
            const auto at = static_cast<std::uint32_t>(integer(place, "place", 0, kMaxOperators));
            return mutate(layout_argument(layout), genomes, mutation_operators(operators, "operators"), at,
                          source_arguments(seed, run, generation), threads_argument(threads), out, rates,
                          rates_out);
        },
        "Each row, changed by the operators in order.", py::arg("layout"), py::arg("genomes"), py::kw_only(),
        py::arg("operators"), py::arg("seed"), py::arg("run") = 0, py::arg("generation") = 0,
        py::arg("threads") = 1, py::arg("out") = py::none(), py::arg("place") = 0,
        py::arg("rates") = py::none(), py::arg("rates_out") = py::none());
}

void bind_breed(py::module_& module) {
    module.def(
        "breed",
        [](py::object layout, py::object genomes, py::object key, py::object n, py::object selection,
           py::object crossing, py::object mutation, py::object seed, py::object run, py::object generation,
           py::object threads, py::object out, py::object rates, py::object rates_out,
           py::object parents_out) {
            const Operators operators{selection_operator(selection, "selection"),
                                      crossover_operator(crossing, "crossover"),
                                      mutation_operators(mutation, "mutation")};
            return breed(layout_argument(layout), genomes, key, n, operators,
                         source_arguments(seed, run, generation), threads_argument(threads), out,
                         {rates, rates_out, parents_out});
        },
        "n children: selection, crossover and mutation in one pass.", py::arg("layout"), py::arg("genomes"),
        py::arg("key"), py::arg("n"), py::kw_only(), py::arg("selection"), py::arg("crossover"),
        py::arg("mutation"), py::arg("seed"), py::arg("run") = 0, py::arg("generation") = 0,
        py::arg("threads") = 1, py::arg("out") = py::none(), py::arg("rates") = py::none(),
        py::arg("rates_out") = py::none(), py::arg("parents_out") = py::none());
}

}  // namespace

void bind_variation(py::module_& module) {
    bind_sample(module);
    bind_operators(module);
    bind_breed(module);
}

}  // namespace cambrian::bindings
