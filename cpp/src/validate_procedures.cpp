#include <algorithm>
#include <stdexcept>
#include <string>

#include "cambrian/operation.hpp"
#include "validate.hpp"

namespace cambrian {
namespace {

// Calls and switches nest on the interpreter's own stack, which is small in some threads.
constexpr int kMaxCallDepth = 32;
constexpr int kMaxBlockDepth = 16;
constexpr std::int64_t kMaxExprDepth = 256;
constexpr std::int64_t kMaxExprSize = 1 << 16;
constexpr std::int64_t kMaxReads = std::int64_t{1} << 26;

std::size_t at(std::int64_t index) {
    return static_cast<std::size_t>(index);
}

// Checks one procedure: operands before users, registers written once and before they are read, blocks used
// once.
class ProcedureCheck {
  public:
    // `reads_left`: how many operands may still be looked at, in all procedures together.
    ProcedureCheck(const Layout& layout, std::size_t number, std::int64_t& reads_left)
        : layout_(layout), procedure_(layout.procedures[number]), number_(number), reads_left_(reads_left) {}

    void run() {
        check_expressions();
        visible_.assign(at(procedure_.registers), 0);
        written_.assign(at(procedure_.registers), 0);
        std::fill_n(visible_.begin(), procedure_.inputs, std::uint8_t{1});
        blocks_run_ = 0;
        used_.assign(procedure_.blocks.size(), 0);
        check_block(0, 0);
        if (blocks_run_ != procedure_.blocks.size()) fail("a block is run by no switch");
    }

  private:
    [[noreturn]] void fail(const std::string& what) const {
        throw std::invalid_argument("layout: procedure " + std::to_string(number_) + ": " + what);
    }

    void check_expressions() {
        depth_.assign(procedure_.exprs.size(), 1);
        size_.assign(procedure_.exprs.size(), 1);
        for (std::size_t e = 0; e < procedure_.exprs.size(); ++e) {
            check_leaf(e);
            for_operands(procedure_.exprs[e], [&](std::int64_t operand) {
                if (operand < 0 || at(operand) >= e)
                    fail("expression " + std::to_string(e) + " uses a later one");
                depth_[e] = std::max(depth_[e], depth_[at(operand)] + 1);
                size_[e] += size_[at(operand)];
            });
            if (depth_[e] > kMaxExprDepth || size_[e] > kMaxExprSize) {
                fail("expression " + std::to_string(e) + " is too large");
            }
        }
    }

    template <class Visit>
    static void for_operands(const Expr& expr, Visit visit) {
        if (expr.op < ExprOp::kAdd) return;
        visit(expr.a);
        if (expr.op != ExprOp::kNot) visit(expr.b);
        if (expr.op == ExprOp::kWhere) visit(expr.c);
    }

    void check_range(std::size_t e, std::int64_t value, std::int64_t low, std::int64_t high) const {
        if (value < low || value > high) {
            fail("expression " + std::to_string(e) + ": operand " + std::to_string(value) + " is outside " +
                 std::to_string(low) + " … " + std::to_string(high));
        }
    }

    void check_leaf(std::size_t e) const {
        const Expr& expr = procedure_.exprs[e];
        const std::int64_t registers = procedure_.registers - 1;
        switch (expr.op) {
            case ExprOp::kGene:
                check_range(e, expr.a, 0, kMaxCallDepth);
                check_range(e, expr.b, 0, static_cast<std::int64_t>(layout_.columns.size()) - 1);
                check_range(e, expr.c, -1, static_cast<std::int64_t>(layout_.tables.size()) - 1);
                break;
            case ExprOp::kParam:
                check_range(e, expr.a, 0, procedure_.params - 1);
                break;
            case ExprOp::kDim:
                check_range(e, expr.a, 0, registers);
                check_range(e, expr.b, 0, 5);
                break;
            case ExprOp::kIndex:
            case ExprOp::kCount:
                check_range(e, expr.a, 0, kMaxCallDepth);
                break;
            case ExprOp::kSame:
                check_range(e, expr.a, 0, registers);
                check_range(e, expr.b, 0, registers);
                break;
            case ExprOp::kExists:
                check_range(e, expr.a, 0, registers);
                break;
            default:
                break;
        }
    }

    void check_register(std::int64_t number) const {
        if (visible_[at(number)] == 0)
            fail("register " + std::to_string(number) + " is read before it is written");
    }

    // Only registers that hold a value at this point of the program may be looked at.
    void check_reads(std::int64_t e) {
        if (--reads_left_ < 0) throw std::invalid_argument("layout: the programs are too large");
        const Expr& expr = procedure_.exprs[at(e)];
        if (expr.op == ExprOp::kDim || expr.op == ExprOp::kSame || expr.op == ExprOp::kExists)
            check_register(expr.a);
        if (expr.op == ExprOp::kSame) check_register(expr.b);
        for_operands(expr, [&](std::int64_t operand) { check_reads(operand); });
    }

    void check_counts(const Instr& instr, std::int64_t inputs_low, std::int64_t inputs_high,
                      std::int64_t args, bool blocks) const {
        if (instr.inputs.count < inputs_low || instr.inputs.count > inputs_high || instr.args.count != args ||
            (instr.blocks.count > 0) != blocks) {
            fail("an instruction has " + std::to_string(instr.inputs.count) + " inputs, " +
                 std::to_string(instr.args.count) + " arguments and " + std::to_string(instr.blocks.count) +
                 " blocks, expected " + std::to_string(inputs_low) + " … " + std::to_string(inputs_high) +
                 " inputs, " + std::to_string(args) + " arguments and " +
                 (blocks ? "some blocks" : "no block"));
        }
    }

    void check_shape(const Instr& instr) const {
        if (instr.kind == InstrKind::kOp) {
            const OpInfo& op = info(static_cast<Op>(instr.target));
            // A sum of nothing is how a template says that there is no value.
            const bool sum = static_cast<Op>(instr.target) == Op::kAdd;
            check_counts(instr, sum ? 0 : op.min_inputs, op.max_inputs,
                         static_cast<std::int64_t>(arg_count(static_cast<Op>(instr.target))), false);
        } else if (instr.kind == InstrKind::kSwitch) {
            check_counts(instr, 0, 0, 1, true);
        } else if (instr.kind == InstrKind::kRef) {
            check_counts(instr, 0, 0, 0, false);
        } else if (instr.kind == InstrKind::kGather) {
            if (static_cast<Op>(instr.target) != Op::kAdd && static_cast<Op>(instr.target) != Op::kConcat)
                fail("a mask gathers into add or concat, got operation " + std::to_string(instr.target));
            check_counts(instr, instr.max, instr.max + std::int64_t{64}, 0, false);
        } else {
            const Procedure& target = layout_.procedures[at(instr.target)];
            const std::int64_t chain = runs_slots(instr.kind) ? 1 : 0;
            check_counts(instr, std::max<std::int64_t>(chain, target.inputs), target.inputs, target.params,
                         false);
        }
    }

    void check_instr(const Instr& instr, int depth) {
        check_shape(instr);
        for (const auto input : procedure_.list(instr.inputs)) check_register(input);
        for (const auto arg : procedure_.list(instr.args)) check_reads(arg);
        for (const auto block : procedure_.list(instr.blocks)) check_block(at(block), depth + 1);
        for (std::int32_t i = 0; i < results(instr); ++i) write(std::int64_t{instr.dst} + i);
    }

    // Registers that an instruction writes, from dst on.
    static std::int32_t results(const Instr& instr) {
        return instr.kind == InstrKind::kEach ? instr.max + 1 : 1;
    }

    void write(std::int64_t number) {
        if (number >= procedure_.registers)
            fail("register " + std::to_string(number) + " is written but there are " +
                 std::to_string(procedure_.registers));
        if (written_[at(number)] != 0) fail("register " + std::to_string(number) + " is written twice");
        written_[at(number)] = visible_[at(number)] = 1;
    }

    void check_block(std::size_t block, int depth) {
        if (depth > kMaxBlockDepth) fail("switches are nested deeper than " + std::to_string(kMaxBlockDepth));
        if (used_[block]++ != 0) fail("block " + std::to_string(block) + " is run twice");
        ++blocks_run_;
        const Slice body = procedure_.blocks[block].body;
        for (std::int32_t i = 0; i < body.count; ++i)
            check_instr(procedure_.instrs[at(body.first + i)], depth);
        check_register(procedure_.blocks[block].result);
        for (std::int32_t i = 0; depth > 0 && i < body.count; ++i) {
            const Instr& instr = procedure_.instrs[at(body.first + i)];
            std::fill_n(visible_.begin() + instr.dst, results(instr), std::uint8_t{0});
        }
    }

    const Layout& layout_;
    const Procedure& procedure_;
    std::size_t number_;
    std::int64_t& reads_left_;
    std::size_t blocks_run_ = 0;
    std::vector<std::uint8_t> used_;
    std::vector<std::int64_t> depth_;
    std::vector<std::int64_t> size_;
    std::vector<std::uint8_t> visible_;
    std::vector<std::uint8_t> written_;
};

// Height of the calls under each procedure; a procedure that is met while it is open calls itself.
class CallGraph {
  public:
    explicit CallGraph(const Layout& layout) : layout_(layout), height_(layout.procedures.size(), kUnseen) {}

    int height(std::size_t number, int depth) {
        if (height_[number] == kOpen) {
            throw std::invalid_argument("layout: procedure " + std::to_string(number) + " calls itself");
        }
        if (depth > kMaxCallDepth) fail_depth();
        if (height_[number] != kUnseen) return height_[number];
        height_[number] = kOpen;
        int most = 0;
        for (const auto& instr : layout_.procedures[number].instrs) {
            if (!runs_procedure(instr.kind)) continue;
            most = std::max(most, 1 + height(at(instr.target), depth + 1));
        }
        if (most > kMaxCallDepth) fail_depth();
        return height_[number] = most;
    }

  private:
    [[noreturn]] static void fail_depth() {
        throw std::invalid_argument("layout: procedures call each other deeper than " +
                                    std::to_string(kMaxCallDepth));
    }

    static constexpr int kUnseen = -1;
    static constexpr int kOpen = -2;
    const Layout& layout_;
    std::vector<int> height_;
};

}  // namespace

void validate_procedures(const Layout& layout) {
    if (layout.plain()) {
        if (!layout.input.empty()) throw std::invalid_argument("layout: a plain space has no input shape");
        return;
    }
    const Procedure& root = layout.procedures.front();
    if (layout.input.empty() || layout.outputs < 1 || root.inputs != 1 || root.params > 1) {
        throw std::invalid_argument(
            "layout: procedure 0 takes the input and the number of outputs, got input rank " +
            std::to_string(layout.input.size()) + ", outputs " + std::to_string(layout.outputs) + ", " +
            std::to_string(root.inputs) + " inputs and " + std::to_string(root.params) + " parameters");
    }
    CallGraph calls(layout);
    std::int64_t reads_left = kMaxReads;
    for (std::size_t p = 0; p < layout.procedures.size(); ++p) {
        calls.height(p, 0);
        ProcedureCheck(layout, p, reads_left).run();
    }
}

}  // namespace cambrian
