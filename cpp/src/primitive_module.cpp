// A user's module as an operation: a name, arguments, and a shape that its template has computed.
#include <stdexcept>
#include <string>

#include "cambrian/graph.hpp"

namespace cambrian {
namespace {

std::int32_t within(const char* what, std::int64_t value, std::int64_t low) {
    if (value >= low && value <= kMaxDim) return static_cast<std::int32_t>(value);
    throw std::invalid_argument("module: " + std::string(what) + " must be " + std::to_string(low) + " … " +
                                std::to_string(kMaxDim) + ", got " + std::to_string(value));
}

}  // namespace

Value GraphBuilder::module(Value x, std::span<const std::int64_t> args) {
    constexpr Op op = Op::kModule;
    Attrs attrs{};
    for (std::size_t i = 0; i < kMaxAttrs; ++i)
        attrs[i] = within(i == 0 ? "its name" : "an argument", args[i], i == 0 ? 0 : -kMaxDim);
    Shape out;
    out.rank = static_cast<std::uint8_t>(args[kMaxAttrs]);
    if (args[kMaxAttrs] < 1 || args[kMaxAttrs] > 3) {
        throw std::invalid_argument("module: the rank of its output must be 1 … 3, got " +
                                    std::to_string(args[kMaxAttrs]));
    }
    for (std::size_t i = 0; i < out.rank; ++i)
        out.dim[i] = within("a side of its output", args[kMaxAttrs + 1 + i], 1);
    check_elements(op, out);
    return append(op, out, attrs, x);
}

}  // namespace cambrian
