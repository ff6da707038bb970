// One operator tuple, read parameter by parameter.
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "operators.hpp"

namespace cambrian::bindings {

inline constexpr double kMostWeight = 1e9;

inline bool is_word(py::handle value, const char* word) {
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
    double number(std::size_t i, const char* what, double most) const { return number(i, what, 0.0, most); }
    double number(std::size_t i, const char* what, double least, double most) const {
        return real(tuple_[i], label(what).c_str(), least, most);
    }
    // A positive number.
    double above(std::size_t i, const char* what) const {
        return number(i, what, std::numeric_limits<double>::denorm_min(), std::numeric_limits<double>::max());
    }
    bool flag(std::size_t i, const char* what) const { return flag_argument(tuple_[i], label(what).c_str()); }
    py::handle value(std::size_t i) const { return tuple_[i]; }
    std::vector<double> probabilities(std::size_t i, const char* what) const {
        if (!py::isinstance<py::tuple>(tuple_[i])) return {probability(i, what)};
        std::vector<double> result;
        const std::string name = label(what);
        for (const py::handle item : tuple(i, what)) result.push_back(real(item, name.c_str(), 0.0, 1.0));
        return result;
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

}  // namespace cambrian::bindings
