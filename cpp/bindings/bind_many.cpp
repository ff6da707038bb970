#include <cstdint>
#include <limits>
#include <vector>

#include "arrays.hpp"
#include "bindings.hpp"
#include "cambrian/train/many.hpp"

namespace cambrian::bindings {
namespace {

constexpr double kMost = std::numeric_limits<float>::max();

float* written(py::handle value, const char* name, py::ssize_t size) {
    return static_cast<float*>(
        checked_array(value, name, py::dtype::of<float>(), {size}, true).mutable_data());
}

// Rows (first, count, owner, decays) within `size` weights of `owners` networks.
std::vector<train::Stretch> stretches_argument(py::handle value, std::int64_t size, std::int64_t owners) {
    const auto rows = input<std::int64_t>(value, "stretches", {kAny, 4});
    std::vector<train::Stretch> stretches;
    stretches.reserve(rows.size(0));
    for (std::size_t i = 0; i < rows.size(0); ++i) {
        const std::int64_t first = rows.data[4 * i], count = rows.data[4 * i + 1];
        const std::int64_t owner = rows.data[4 * i + 2], decays = rows.data[4 * i + 3];
        if (first < 0 || count < 0 || first > size || count > size - first || owner < 0 || owner >= owners) {
            throw py::value_error("stretches: row " + std::to_string(i) + " lies outside of " +
                                  std::to_string(size) + " weights of " + std::to_string(owners) +
                                  " networks");
        }
        stretches.push_back({static_cast<std::size_t>(first), static_cast<std::size_t>(count),
                             static_cast<std::size_t>(owner), decays != 0});
    }
    return stretches;
}

void step_many(py::handle weights, py::handle gradient, py::handle first, py::handle second,
               py::handle stretches, py::handle adamw, py::handle lr, py::handle decay, py::handle momentum,
               py::handle clip, py::handle step) {
    const auto g = input<float>(gradient, "gradient", {kAny});
    const auto size = static_cast<py::ssize_t>(g.size());
    float *p = written(weights, "weights", size), *m = written(first, "first", size);
    float* v = written(second, "second", size);
    const auto kinds = input<bool>(adamw, "adamw", {kAny});
    const auto n = static_cast<py::ssize_t>(kinds.size());
    const auto rates = input<float>(lr, "lr", {n}), decays = input<float>(decay, "decay", {n});
    const auto momenta = input<float>(momentum, "momentum", {n});
    std::vector<train::Rates> owners;
    for (std::size_t i = 0; i < kinds.size(); ++i) {
        owners.push_back({rates.data[i], decays.data[i], momenta.data[i], kinds.data[i]});
    }
    const auto rows = stretches_argument(stretches, size, n);
    const auto norm = static_cast<float>(real(clip, "clip", 0, kMost));
    const std::int64_t number = integer(step, "step", 1);
    const py::gil_scoped_release release;
    train::step_many(rows, owners, norm, number, p, g.data, m, v);
}

}  // namespace

void bind_many(py::module_& module) {
    module.def("step_many", &step_many, "One optimizer step of many networks.", py::arg("weights"),
               py::arg("gradient"), py::arg("first"), py::arg("second"), py::arg("stretches"),
               py::arg("adamw"), py::arg("lr"), py::arg("decay"), py::arg("momentum"), py::arg("clip"),
               py::arg("step"));
}

}  // namespace cambrian::bindings
