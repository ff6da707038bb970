#include "bindings.hpp"

PYBIND11_MODULE(_core, module) {
    module.doc() = "The native core of Cambrian: genomes, variation, selection, decoding.";
    cambrian::bindings::bind_build(module);
    cambrian::bindings::bind_layout(module);
    cambrian::bindings::bind_keys(module);
    cambrian::bindings::bind_graph(module);
    cambrian::bindings::bind_latency(module);
    cambrian::bindings::bind_variation(module);
    cambrian::bindings::bind_pareto(module);
    cambrian::bindings::bind_diversity(module);
    cambrian::bindings::bind_train(module);
    cambrian::bindings::bind_many(module);
}
