// Checks on arguments, shared by every binding. Nothing is converted: an argument of another dtype, byte
// order, shape or stride is an error that names it, what was expected and what came.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include "cambrian/layout.hpp"
#include "cambrian/parallel.hpp"

namespace cambrian::bindings {

namespace py = pybind11;

using Shape = std::initializer_list<py::ssize_t>;
inline constexpr py::ssize_t kAny = -1;  // in an expected shape: any length

// What came, in words: "float64 array of shape (3, 4)", "list".
std::string describe(py::handle value);
// The start of its repr.
std::string shortened(py::handle value);

// The layout of a space, which `value` must be and keep alive.
const Layout& layout_argument(py::handle value);
// True or False, nothing that is merely true or false.
bool flag_argument(py::handle value, const char* name);

// Throws TypeError unless `value` is an ndarray of this very dtype; ValueError unless it has the shape, is
// C-contiguous and aligned (and writeable, for an `out=`).
py::array checked_array(py::handle value, const char* name, const py::dtype& dtype, Shape shape,
                        bool writeable);

// Memory of a checked array. `owner` keeps it alive while the GIL is released; other threads may still change
// its values meanwhile, so a kernel that uses a value as an index reads it once and clamps it.
template <class T>
struct Array {
    py::array owner;
    T* data;

    std::size_t size(int axis) const { return static_cast<std::size_t>(owner.shape(axis)); }
    std::size_t size() const { return static_cast<std::size_t>(owner.size()); }
};

template <class T>
Array<const T> input(py::handle value, const char* name, Shape shape) {
    py::array array = checked_array(value, name, py::dtype::of<T>(), shape, false);
    return {array, static_cast<const T*>(array.data())};
}

// The caller's `out=` if there is one, else a new array.
template <class T>
Array<T> output(py::handle out, Shape shape) {
    py::array array = out.is_none() ? py::array(py::dtype::of<T>(), std::vector<py::ssize_t>(shape))
                                    : checked_array(out, "out", py::dtype::of<T>(), shape, true);
    return {array, static_cast<T*>(array.mutable_data())};
}

// True if the two arrays share memory.
bool overlap(const py::array& a, const py::array& b);

// A Python (or NumPy) integer within low … high. TypeError for anything else, bool and float included.
std::int64_t integer(py::handle value, const char* name, std::int64_t low,
                     std::int64_t high = std::numeric_limits<std::int64_t>::max());
// A number (not bool) that is finite and within low … high.
double real(py::handle value, const char* name, double low, double high);
std::uint64_t seed_argument(py::handle value, const char* name = "seed");  // 0 … 2**64 - 1
std::uint32_t word_argument(py::handle value, const char* name);           // 0 … 2**32 - 1: run, generation
// 0 … 2**31 - 1 genomes, and n × n_genes that fits into memory's address range.
py::ssize_t count_argument(py::handle value, const char* name, const Layout& layout);
std::int64_t batch_argument(py::handle value);  // 1 … 2**31 - 1
// Lets Ctrl-C through, at most every 50 ms: throws error_already_set.
std::function<void()> interrupt_poll();
// How many (0 means every core), and the same.
Threads threads_argument(py::handle value);

// Genomes of a layout: uint8, or uint16 where some gene has more than 256 options. Their values are checked.
py::dtype genome_dtype(const Layout& layout);
struct Genomes {
    py::array owner;
    std::size_t n;
};
Genomes genomes_input(const Layout& layout, py::handle value, const char* name = "genomes");
// The same for a kernel that looks at the values itself, and what is thrown for a row that it refuses.
Genomes genomes_unchecked(const Layout& layout, py::handle value, const char* name = "genomes");
template <class T>
[[noreturn]] void refuse_row(const Layout& layout, const T* genomes, std::size_t row, const char* name);
Genomes genomes_output(const Layout& layout, py::handle out, py::ssize_t n);

// Calls body(T{}) with the genome type of the layout.
template <class Body>
decltype(auto) by_genome_type(const Layout& layout, Body&& body) {
    return layout.wide() ? body(std::uint16_t{}) : body(std::uint8_t{});
}

template <class T>
const T* genome_data(const Genomes& genomes) {
    return static_cast<const T*>(genomes.owner.data());
}

template <class T>
T* mutable_genome_data(Genomes& genomes) {
    return static_cast<T*>(genomes.owner.mutable_data());
}

}  // namespace cambrian::bindings
