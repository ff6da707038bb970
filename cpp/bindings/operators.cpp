#include <algorithm>
#include <limits>
#include <string>

#include "reader.hpp"

namespace cambrian::bindings {
namespace {

constexpr double kMostSigma = 10.0, kMostEta = 1000.0, kMostBeta = 10.0, kMostGamma = 10.0;
constexpr std::int64_t kMostGenes = std::numeric_limits<std::int32_t>::max();

OneMutation one_mutation(Reader& reader);

OneMutation new_network(const Reader& reader, const Mutation& inner) {
    const auto* one = std::get_if<OneMutation>(&inner);
    if (one != nullptr && (std::holds_alternative<NewNetworkMutation>(*one) ||
                           std::holds_alternative<SelfAdaptiveMutation>(*one)))
        throw py::value_error("new_network mutation: expected neither new_network nor self_adaptive");
    return NewNetworkMutation{std::make_shared<const InnerMutation>(InnerMutation{inner}),
                              reader.probability(2, "rate"), reader.positive(3, "tries", 4096)};
}

OneMutation one_mutation(Reader& reader) {
    if (reader.is("reset", 1)) return ResetMutation{reader.rate(1)};
    if (reader.is("step", 2)) return StepMutation{reader.rate(1), reader.positive(2, "step", 65'535)};
    if (reader.is("point", 0)) return PointMutation{};
    if (reader.is("exact", 1)) return ExactMutation{reader.positive(1, "count", kMostGenes)};
    if (reader.is("at_least_one", 1)) return AtLeastOneMutation{reader.rate(1)};
    if (reader.is("gaussian", 2))
        return GaussianMutation{reader.number(1, "sigma", kMostSigma), reader.rate(2)};
    if (reader.is("polynomial", 2))
        return PolynomialMutation{reader.number(1, "eta", kMostEta), reader.rate(2)};
    if (reader.is("heavy_tailed", 1)) return HeavyTailedMutation{reader.number(1, "beta", kMostBeta)};
    if (reader.is("per_gene", 1)) return PerGeneMutation{reader.probabilities(1, "rates")};
    if (reader.is("self_adaptive", 3)) {
        return SelfAdaptiveMutation{reader.number(1, "gamma", kMostGamma), reader.rate(2, "low"),
                                    reader.probability(3, "high")};
    }
    if (reader.is("operation", 1)) return OperationMutation{reader.probability(1, "rate")};
    if (reader.is("new_network", 3)) {
        Reader inner(reader.tuple(1, "mutation"), "new_network mutation");
        return new_network(reader, one_mutation(inner));
    }
    if (reader.is("structural", 11)) {
        return StructuralMutation{
            reader.probability(1, "rate"),
            {reader.weight(2, "insert"), reader.weight(3, "delete"), reader.weight(4, "duplicate"),
             reader.weight(5, "move"), reader.weight(6, "rewire"), reader.weight(7, "swap"),
             reader.weight(8, "split"), reader.weight(9, "merge"), reader.weight(10, "splice"),
             reader.weight(11, "bypass")}};
    }
    reader.unknown(
        "reset, step, point, exact, at_least_one, gaussian, polynomial, heavy_tailed, per_gene, "
        "self_adaptive, operation, structural, new_network, mixture");
}

Mutation mutation_operator(py::handle value, const char* name) {
    Reader reader(value, name);
    if (reader.is("mixture", 2)) return mixture<MutationMixture>(reader, name, one_mutation);
    // One of a mixture takes the place of all its operators, which one in a mixture can't.
    if (reader.is("new_network", 3)) {
        Reader inner(reader.tuple(1, "mutation"), "new_network mutation");
        if (inner.is("mixture", 2))
            return new_network(reader, mixture<MutationMixture>(inner, "new_network mutation", one_mutation));
    }
    return one_mutation(reader);
}

}  // namespace

std::vector<Mutation> mutation_operators(py::handle value, const char* name) {
    if (!py::isinstance<py::list>(value)) {
        throw py::type_error(std::string(name) + ": expected a list of operator tuples, got " +
                             describe(value));
    }
    std::vector<Mutation> mutations;
    // A tuple of its own: reading a parameter may run Python code, which may change the list.
    for (const py::handle item : py::tuple(py::reinterpret_borrow<py::list>(value))) {
        mutations.push_back(mutation_operator(item, name));
    }
    std::uint32_t count = 0;
    for (const Mutation& mutation : mutations) count += purposes_of(mutation);
    if (count > kMaxOperators) {
        throw py::value_error(std::string(name) + ": expected at most " + std::to_string(kMaxOperators) +
                              " operators, got " + std::to_string(count));
    }
    return mutations;
}

std::vector<double> weights_argument(py::handle value, const char* name) {
    if (!py::isinstance<py::tuple>(value)) {
        throw py::type_error(std::string(name) + ": expected a tuple of weights, got " + describe(value));
    }
    std::vector<double> weights;
    const std::string label = std::string(name) + ": weight";
    for (const py::handle item : py::reinterpret_borrow<py::tuple>(value))
        weights.push_back(real(item, label.c_str(), 0.0, kMostWeight));
    if (weights.size() > kMaxOperators) {
        throw py::value_error(std::string(name) + ": expected at most " + std::to_string(kMaxOperators) +
                              " weights, got " + std::to_string(weights.size()));
    }
    if (std::none_of(weights.begin(), weights.end(), [](double weight) { return weight > 0.0; }))
        throw py::value_error(std::string(name) + ": expected a positive weight, got none");
    return weights;
}

}  // namespace cambrian::bindings
