// Integer expressions of the templates: evaluated when they are asked for, overflow and division by zero
// refused.
#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "cambrian/interpret.hpp"
#include "overflow.hpp"

namespace cambrian {
namespace {

std::size_t at(std::int64_t index) {
    return static_cast<std::size_t>(index);
}

std::int64_t floor_div(std::int64_t a, std::int64_t b) {
    if (b == 0) throw std::invalid_argument("an expression of a template divides by zero");
    if (b == -1) return checked_sub(0, a);
    const std::int64_t quotient = a / b;
    return quotient - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
    const std::int64_t floor = floor_div(a, b);
    return b == -1 || a % b == 0 ? floor : floor + 1;
}

// As Python's %: the sign of the divisor.
std::int64_t modulo(std::int64_t a, std::int64_t b) {
    if (b == 0)
        throw std::invalid_argument("an expression of a template takes the remainder of a division by zero");
    if (b == -1) return 0;
    const std::int64_t rest = a % b;
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

}  // namespace

std::int64_t Interpreter::compute(const Frame& frame, const Expr& expr) {
    switch (expr.op) {
        case ExprOp::kDim:
            return dimension(frame, expr);
        case ExprOp::kIndex:
            return climb_to_slot(&frame, expr.a)->slot;
        case ExprOp::kCount:
            return climb_to_slot(&frame, expr.a)->count;
        case ExprOp::kSame:
            return frame.registers[expr.a] == frame.registers[expr.b];
        case ExprOp::kExists:
            return frame.registers[expr.a] != kAbsent;
        case ExprOp::kNot:
            return evaluate(frame, static_cast<std::int32_t>(expr.a)) == 0;
        case ExprOp::kWhere: {
            spend(1);
            // Only the branch that counts, so that the other may be undefined.
            const bool yes = evaluate(frame, static_cast<std::int32_t>(expr.a)) != 0;
            return evaluate(frame, static_cast<std::int32_t>(yes ? expr.b : expr.c));
        }
        default:
            return binary(frame, expr);
    }
}

std::int64_t Interpreter::dimension(const Frame& frame, const Expr& expr) const {
    const Value value = frame.registers[expr.a];
    if (value == kAbsent) return 0;
    const Shape& shape = builder_.shape(value);
    if (expr.b == 4) return shape.rank;
    if (expr.b == 5) return shape.elements();
    if (expr.b >= shape.rank) {
        throw std::invalid_argument("a template asks for dimension " + std::to_string(expr.b) +
                                    " of a value of shape " + shape.text());
    }
    return shape.dim[at(expr.b)];
}

std::int64_t Interpreter::binary(const Frame& frame, const Expr& expr) {
    spend(1);
    const std::int64_t a = evaluate(frame, static_cast<std::int32_t>(expr.a));
    const std::int64_t b = evaluate(frame, static_cast<std::int32_t>(expr.b));
    switch (expr.op) {
        case ExprOp::kAdd:
            return checked_add(a, b);
        case ExprOp::kSub:
            return checked_sub(a, b);
        case ExprOp::kMul:
            return checked_mul(a, b);
        case ExprOp::kFloorDiv:
            return floor_div(a, b);
        case ExprOp::kCeilDiv:
            return ceil_div(a, b);
        case ExprOp::kMod:
            return modulo(a, b);
        case ExprOp::kMin:
            return std::min(a, b);
        case ExprOp::kMax:
            return std::max(a, b);
        case ExprOp::kBit:
            return b >= 0 && b < 63 ? a >> b & 1 : 0;
        case ExprOp::kEq:
            return a == b;
        case ExprOp::kNe:
            return a != b;
        case ExprOp::kLt:
            return a < b;
        case ExprOp::kLe:
            return a <= b;
        case ExprOp::kAnd:
            return a != 0 && b != 0;
        case ExprOp::kOr:
            return a != 0 || b != 0;
        default:
            break;
    }
    throw std::invalid_argument("unknown expression");
}

}  // namespace cambrian
