#include "operators.hpp"

#include <algorithm>
#include <limits>
#include <string>

namespace cambrian::bindings {
namespace {

constexpr double kMostWeight = 1e9;
constexpr double kMostSigma = 10.0, kMostEta = 1000.0, kMostBeta = 10.0, kMostGamma = 10.0;
constexpr std::int64_t kMostGenes = std::numeric_limits<std::int32_t>::max();

bool is_word(py::handle value, const char* word) {
    return py::isinstance<py::str>(value) && PyUnicode_CompareWithASCIIString(value.ptr(), word) == 0;
}

// Reads one operator tuple: its name first, then its parameters in order.
class Reader {
  public:
    Reader(py::handle value, const char* argument) : argument_(argument) {
        if (!py::isinstance<py::tuple>(value) || py::len(value) == 0) {
            throw py::type_error(std::string(argument) + ": expected a tuple (name, parameter, ...), got " +
                                 describe(value));
        }
        tuple_ = py::reinterpret_borrow<py::tuple>(value);
        if (!py::isinstance<py::str>(tuple_[0])) {
            throw py::type_error(std::string(argument) + ": expected the operator's name first, got " +
                                 describe(tuple_[0]));
        }
    }

    // True if this is the operator `name`, with `count` parameters.
    bool is(const char* name, std::size_t count) {
        if (!is_word(tuple_[0], name)) return false;
        name_ = name;
        if (tuple_.size() == count + 1) return true;
        throw py::value_error(std::string(argument_) + ": " + name + " takes " + std::to_string(count) +
                              " parameters, got " + std::to_string(tuple_.size() - 1));
    }

    double probability(std::size_t i, const char* what) const {
        return real(tuple_[i], label(what).c_str(), 0.0, 1.0);
    }
    double weight(std::size_t i, const char* what) const {
        return real(tuple_[i], label(what).c_str(), 0.0, kMostWeight);
    }
    std::optional<double> rate(std::size_t i, const char* what = "rate") const {
        if (tuple_[i].is_none()) return std::nullopt;
        return probability(i, what);
    }
    std::uint32_t positive(std::size_t i, const char* what, std::int64_t most) const {
        return static_cast<std::uint32_t>(integer(tuple_[i], label(what).c_str(), 1, most));
    }
    By by(std::size_t i) const {
        if (is_word(tuple_[i], "gene")) return By::kGene;
        if (is_word(tuple_[i], "slot")) return By::kSlot;
        throw py::value_error(label("by") + ": expected 'gene' or 'slot', got " + describe(tuple_[i]));
    }

    double number(std::size_t i, const char* what, double most) const {
        return real(tuple_[i], label(what).c_str(), 0.0, most);
    }
    std::vector<double> probabilities(std::size_t i, const char* what) const {
        if (!py::isinstance<py::tuple>(tuple_[i])) return {probability(i, what)};
        std::vector<double> result;
        for (const py::handle item : tuple(i, what))
            result.push_back(real(item, label(what).c_str(), 0.0, 1.0));
        return result;
    }

    py::tuple tuple(std::size_t i, const char* what) const {
        if (py::isinstance<py::tuple>(tuple_[i])) return tuple_[i];
        throw py::type_error(label(what) + ": expected a tuple, got " + describe(tuple_[i]));
    }

    [[noreturn]] void unknown(const char* known) const {
        throw py::value_error(std::string(argument_) + ": unknown operator " + shortened(tuple_[0]) +
                              " (choose from: " + known + ")");
    }

  private:
    std::string label(const char* what) const { return std::string(argument_) + ": " + name_ + " " + what; }

    const char* argument_;
    py::tuple tuple_;
    const char* name_ = "";
};

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
    if (reader.is("structural", 6)) {
        return StructuralMutation{
            reader.probability(1, "rate"),
            {reader.weight(2, "insert"), reader.weight(3, "delete"), reader.weight(4, "duplicate"),
             reader.weight(5, "move"), reader.weight(6, "rewire")}};
    }
    reader.unknown(
        "reset, step, point, exact, at_least_one, gaussian, polynomial, heavy_tailed, per_gene, "
        "self_adaptive, structural, mixture");
}

OneCrossover one_crossover(Reader& reader) {
    if (reader.is("none", 0)) return NoCrossover{};
    if (reader.is("one_point", 2)) return OnePointCrossover{reader.probability(1, "rate"), reader.by(2)};
    if (reader.is("two_point", 2)) return TwoPointCrossover{reader.probability(1, "rate"), reader.by(2)};
    if (reader.is("uniform", 3)) {
        return UniformCrossover{reader.probability(1, "rate"), reader.probability(2, "swap"), reader.by(3)};
    }
    reader.unknown("none, one_point, two_point, uniform, mixture");
}

// ("mixture", (operator, ...), (weight, ...))
template <class Mixture, class One>
Mixture mixture(const Reader& reader, const char* name, One one) {
    Mixture result;
    for (const py::handle member : reader.tuple(1, "operators")) {
        Reader inner(member, name);
        result.operators.push_back(one(inner));
    }
    result.weights = weights_argument(reader.tuple(2, "weights"), name);
    if (result.operators.empty() || result.operators.size() != result.weights.size()) {
        throw py::value_error(std::string(name) + ": mixture: expected a weight for each of one or more " +
                              "operators, got " + std::to_string(result.operators.size()) +
                              " operators and " + std::to_string(result.weights.size()) + " weights");
    }
    return result;
}

Mutation mutation_operator(py::handle value, const char* name) {
    Reader reader(value, name);
    if (reader.is("mixture", 2)) return mixture<MutationMixture>(reader, name, one_mutation);
    return one_mutation(reader);
}

}  // namespace

Selection selection_operator(py::handle value, const char* name) {
    Reader reader(value, name);
    if (reader.is("tournament", 1)) return Tournament{reader.positive(1, "size", Tournament::kMaxSize)};
    reader.unknown("tournament");
}

Crossover crossover_operator(py::handle value, const char* name) {
    Reader reader(value, name);
    if (reader.is("mixture", 2)) return mixture<CrossoverMixture>(reader, name, one_crossover);
    return one_crossover(reader);
}

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
