// Operators arrive from Python as (name, parameter, ...) tuples.
#pragma once

#include "arrays.hpp"
#include "cambrian/breed.hpp"

namespace cambrian::bindings {

// Each throws TypeError or ValueError that names the argument, what was expected and what came.
Selection selection_operator(py::handle value, const char* name);
Crossover crossover_operator(py::handle value, const char* name);
std::vector<Mutation> mutation_operators(py::handle value, const char* name);
std::vector<double> weights_argument(py::handle value, const char* name);

}  // namespace cambrian::bindings
