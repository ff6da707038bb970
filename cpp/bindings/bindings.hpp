// The binding families; each is one bind_<family>.cpp.
#pragma once

#include <pybind11/pybind11.h>

namespace cambrian::bindings {

void bind_build(pybind11::module_& module);
void bind_layout(pybind11::module_& module);
void bind_keys(pybind11::module_& module);
void bind_graph(pybind11::module_& module);
void bind_latency(pybind11::module_& module);
void bind_variation(pybind11::module_& module);
void bind_pareto(pybind11::module_& module);
void bind_diversity(pybind11::module_& module);
void bind_train(pybind11::module_& module);
void bind_many(pybind11::module_& module);

}  // namespace cambrian::bindings
