#include "arrays.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "cambrian/limit.hpp"
#include "cambrian/simd.hpp"

namespace cambrian::bindings {
namespace {

constexpr int kAligned = 0x0100;  // NPY_ARRAY_ALIGNED

std::string shape_text(const std::vector<py::ssize_t>& shape) {
    std::ostringstream text;
    text << '(';
    for (std::size_t i = 0; i < shape.size(); ++i) {
        if (i > 0) text << ", ";
        if (shape[i] == kAny) {
            text << 'n';
        } else {
            text << shape[i];
        }
    }
    text << (shape.size() == 1 ? ",)" : ")");
    return text.str();
}

std::string dtype_text(const py::dtype& dtype) {
    return py::str(dtype).cast<std::string>();
}

[[noreturn]] void fail(const char* name, const std::string& expected, py::handle value, bool type) {
    const std::string message = std::string(name) + ": expected " + expected + ", got " + describe(value);
    if (type) throw py::type_error(message);
    throw py::value_error(message);
}

bool shape_fits(const py::array& array, Shape shape) {
    if (array.ndim() != static_cast<py::ssize_t>(shape.size())) return false;
    py::ssize_t axis = 0;
    for (const py::ssize_t length : shape) {
        if (length != kAny && array.shape(axis) != length) return false;
        ++axis;
    }
    return true;
}

template <class T>
void check_values(const Layout& layout, const py::array& array, std::size_t n, const char* name) {
    const Limit<T> limit(layout);
    const T* data = static_cast<const T*>(array.data());
    std::size_t row;
    {
        const py::gil_scoped_release release;
        row = limit.first_beyond(data, n);
    }
    if (row != n) refuse_row(layout, data, row, name);
}

py::object as_index(py::handle value, const char* name, const std::string& expected) {
    if (PyBool_Check(value.ptr()) || !PyIndex_Check(value.ptr())) fail(name, expected, value, true);
    py::object number = py::reinterpret_steal<py::object>(PyNumber_Index(value.ptr()));
    if (!number) {
        // An array has the method, and refuses unless it holds one integer.
        if (PyErr_ExceptionMatches(PyExc_TypeError) == 0) throw py::error_already_set();
        PyErr_Clear();
        fail(name, expected, value, true);
    }
    return number;
}

}  // namespace

std::string describe(py::handle value) {
    if (py::isinstance<py::array>(value)) {
        const auto array = py::reinterpret_borrow<py::array>(value);
        const std::vector<py::ssize_t> shape(array.shape(), array.shape() + array.ndim());
        return dtype_text(array.dtype()) + " array of shape " + shape_text(shape);
    }
    const std::string type = py::str(py::type::of(value).attr("__name__")).cast<std::string>();
    if (py::isinstance<py::int_>(value) || py::isinstance<py::float_>(value) ||
        py::isinstance<py::str>(value)) {
        return type + " " + shortened(value);
    }
    return type;
}

std::string shortened(py::handle value) {
    constexpr py::ssize_t kMost = 60;
    const auto text = py::reinterpret_steal<py::object>(PyObject_Repr(value.ptr()));
    if (!text) {  // an integer of thousands of digits has none
        PyErr_Clear();
        return "of many digits";
    }
    // Cut between characters, not within the bytes of one.
    const auto start = py::reinterpret_steal<py::object>(PyUnicode_Substring(text.ptr(), 0, kMost));
    return start.cast<std::string>();
}

const Layout& layout_argument(py::handle value) {
    if (!py::isinstance<Layout>(value)) fail("layout", "a space's .layout", value, true);
    // `Layout.__new__` alone leaves one without a value, and a cast would give memory that nothing was
    // written to.
    auto* instance = reinterpret_cast<py::detail::instance*>(value.ptr());
    if (!instance->get_value_and_holder().holder_constructed()) {
        throw py::type_error("layout: it was never initialised; use Layout(words)");
    }
    return value.cast<const Layout&>();
}

bool flag_argument(py::handle value, const char* name) {
    if (!PyBool_Check(value.ptr())) fail(name, "True or False", value, true);
    return value.ptr() == Py_True;
}

py::array checked_array(py::handle value, const char* name, const py::dtype& dtype, Shape shape,
                        bool writeable) {
    const auto expected = [&] {  // only when it is needed: numpy takes its time to name a dtype
        return "a C-contiguous " + dtype_text(dtype) + " array of shape " +
               shape_text(std::vector<py::ssize_t>(shape));
    };
    if (!py::isinstance<py::array>(value)) fail(name, expected(), value, true);
    auto array = py::reinterpret_borrow<py::array>(value);
    if (!array.dtype().equal(dtype)) {
        const bool swapped = array.dtype().attr("newbyteorder")("=").equal(dtype);
        fail(name, expected() + (swapped ? " in native byte order" : ""), value, true);
    }
    if (!shape_fits(array, shape)) fail(name, expected(), value, false);
    if ((array.flags() & py::array::c_style) == 0) {
        throw py::value_error(std::string(name) + ": expected " + expected() +
                              ", got one with other strides; use numpy.ascontiguousarray");
    }
    if ((array.flags() & kAligned) == 0) {
        throw py::value_error(std::string(name) +
                              ": expected an array aligned to its item size, got one that is not; " +
                              "use a copy");
    }
    if (writeable && !array.writeable())
        throw py::value_error(std::string(name) + ": the array is read-only");
    return array;
}

bool overlap(const py::array& a, const py::array& b) {
    const auto* first = static_cast<const char*>(a.data());
    const auto* second = static_cast<const char*>(b.data());
    const std::less<const char*> before;
    return before(first, second + b.nbytes()) && before(second, first + a.nbytes());
}

std::int64_t integer(py::handle value, const char* name, std::int64_t low, std::int64_t high) {
    const bool bounded = high != std::numeric_limits<std::int64_t>::max();
    const std::string expected =
        bounded ? "an integer from " + std::to_string(low) + " to " + std::to_string(high)
                : "an integer of at least " + std::to_string(low);
    const py::object number = as_index(value, name, expected);
    int overflow = 0;
    const long long result = PyLong_AsLongLongAndOverflow(number.ptr(), &overflow);
    if (overflow != 0 || result < low || result > high) fail(name, expected, value, false);
    return result;
}

double real(py::handle value, const char* name, double low, double high) {
    const auto expected = [&] {
        std::ostringstream text;
        text << "a number from " << low << " to " << high;
        return text.str();
    };
    if (PyBool_Check(value.ptr()) || !(PyFloat_Check(value.ptr()) || PyIndex_Check(value.ptr()))) {
        fail(name, expected(), value, true);
    }
    const double result = PyFloat_AsDouble(value.ptr());
    if (PyErr_Occurred() != nullptr) {
        if (PyErr_ExceptionMatches(PyExc_OverflowError) == 0) throw py::error_already_set();
        PyErr_Clear();
        fail(name, expected(), value, false);
    }
    if (!std::isfinite(result) || result < low || result > high) fail(name, expected(), value, false);
    return result;
}

std::uint64_t seed_argument(py::handle value, const char* name) {
    const py::object number = as_index(value, name, "an integer from 0 to 2**64 - 1");
    const unsigned long long result = PyLong_AsUnsignedLongLong(number.ptr());
    if (PyErr_Occurred() != nullptr) {
        PyErr_Clear();
        fail(name, "an integer from 0 to 2**64 - 1", value, false);
    }
    return result;
}

std::uint32_t word_argument(py::handle value, const char* name) {
    return static_cast<std::uint32_t>(integer(value, name, 0, std::numeric_limits<std::uint32_t>::max()));
}

py::ssize_t count_argument(py::handle value, const char* name, const Layout& layout) {
    const auto n =
        static_cast<py::ssize_t>(integer(value, name, 0, std::numeric_limits<std::int32_t>::max()));
    const auto row = static_cast<py::ssize_t>(layout.width()) * (layout.wide() ? 2 : 1);
    if (row > 0 && n > std::numeric_limits<py::ssize_t>::max() / row - 1) {
        throw py::value_error(std::string(name) + ": " + std::to_string(n) + " genomes of " +
                              std::to_string(layout.width()) + " genes exceed the address range");
    }
    return n;
}

std::int64_t batch_argument(py::handle value) {
    return integer(value, "batch", 1, std::numeric_limits<std::int32_t>::max());
}

std::function<void()> interrupt_poll() {
    using Clock = std::chrono::steady_clock;
    auto last = std::make_shared<Clock::time_point>(Clock::now());
    return [last] {
        const auto now = Clock::now();
        if (now - *last < std::chrono::milliseconds(50)) return;
        *last = now;
        const py::gil_scoped_acquire acquire;
        if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    };
}

Threads threads_argument(py::handle value) {
    simd();  // reads the environment the first time: while the GIL keeps Python from writing to it
    const auto threads = static_cast<int>(integer(value, "threads", 0, 1024));
    const auto cores = static_cast<int>(std::thread::hardware_concurrency());
    return {threads > 0 ? threads : std::max(1, cores), interrupt_poll()};
}

py::dtype genome_dtype(const Layout& layout) {
    return layout.wide() ? py::dtype::of<std::uint16_t>() : py::dtype::of<std::uint8_t>();
}

template <class T>
void refuse_row(const Layout& layout, const T* genomes, std::size_t row, const char* name) {
    for (std::size_t c = 0; c < layout.width(); ++c) {
        const T value = genomes[row * layout.width() + c];
        const auto last = static_cast<std::uint32_t>(layout.columns[c].options - 1);
        if (value <= last) continue;
        throw py::value_error(std::string(name) + ": row " + std::to_string(row) + ", column " +
                              std::to_string(c) + " holds " + std::to_string(value) +
                              ", but that gene has options 0 to " + std::to_string(last));
    }
    throw py::value_error(std::string(name) + ": changed by another thread while it was checked");
}
template void refuse_row(const Layout&, const std::uint8_t*, std::size_t, const char*);
template void refuse_row(const Layout&, const std::uint16_t*, std::size_t, const char*);

Genomes genomes_unchecked(const Layout& layout, py::handle value, const char* name) {
    const auto width = static_cast<py::ssize_t>(layout.width());
    py::array array = checked_array(value, name, genome_dtype(layout), {kAny, width}, false);
    Genomes genomes{array, static_cast<std::size_t>(array.shape(0))};
    if (genomes.n > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())) {
        throw py::value_error(std::string(name) + ": at most 2**31 - 1 rows, got " +
                              std::to_string(genomes.n));
    }
    return genomes;
}

Genomes genomes_input(const Layout& layout, py::handle value, const char* name) {
    Genomes genomes = genomes_unchecked(layout, value, name);
    by_genome_type(layout,
                   [&](auto type) { check_values<decltype(type)>(layout, genomes.owner, genomes.n, name); });
    return genomes;
}

namespace {

// Rows that begin where a cache line does take fewer of them: in large populations a random row then costs
// one access to memory, not two. NumPy owns the memory, and what it owns is a little larger.
py::array aligned_array(const py::dtype& dtype, py::ssize_t n, py::ssize_t width) {
    constexpr py::ssize_t kLine = 64;
    const py::ssize_t row = width * dtype.itemsize();
    const py::array_t<std::uint8_t> owner(n * row + kLine);
    auto* start = const_cast<std::uint8_t*>(owner.data());
    start += (kLine - static_cast<py::ssize_t>(reinterpret_cast<std::uintptr_t>(start) % kLine)) % kLine;
    return py::array(dtype, {n, width}, {row, dtype.itemsize()}, start, owner);
}

}  // namespace

Genomes genomes_output(const Layout& layout, py::handle out, py::ssize_t n) {
    const auto width = static_cast<py::ssize_t>(layout.width());
    const py::dtype dtype = genome_dtype(layout);
    if (out.is_none()) return {aligned_array(dtype, n, width), static_cast<std::size_t>(n)};
    return {checked_array(out, "out", dtype, {n, width}, true), static_cast<std::size_t>(n)};
}

}  // namespace cambrian::bindings
