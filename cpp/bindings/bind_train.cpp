#include <cstdint>
#include <limits>

#include "arrays.hpp"
#include "bindings.hpp"
#include "cambrian/train/draws.hpp"

namespace cambrian::bindings {
namespace {

py::array_t<bool> keep(py::handle key, py::handle n, py::handle p_millionths) {
    const std::uint64_t word = seed_argument(key, "key");
    const auto count = static_cast<py::ssize_t>(
        integer(n, "n", 0, std::int64_t{std::numeric_limits<std::uint32_t>::max()} + 1));
    const auto p = static_cast<std::uint32_t>(integer(p_millionths, "p_millionths", 0, train::kMillion - 1));
    py::array_t<bool> kept(count);
    bool* out = kept.mutable_data();
    const py::gil_scoped_release release;
    train::keep(word, static_cast<std::size_t>(count), p, out);
    return kept;
}

}  // namespace

void bind_train(py::module_& module) {
    module.def("keep", &keep, "Which of n values a dropout keeps.", py::arg("key"), py::arg("n"),
               py::arg("p_millionths"));
}

}  // namespace cambrian::bindings
