// The interpreter: expands a genome into its graph by running the layout's procedures.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "cambrian/activity.hpp"
#include "cambrian/graph.hpp"
#include "cambrian/layout.hpp"
#include "cambrian/wiring.hpp"

namespace cambrian {

class Memo;

// Workspace of one thread; nothing is allocated once it has seen a few genomes. The layout must outlive it.
class Interpreter {
  public:
    explicit Interpreter(const Layout& layout);
    ~Interpreter();

    // Normal form and active genes of a genome; for a plain space there is no more to it.
    template <class T>
    void read(const T* genome) {
        normalise(layout_, genome, normal_.data(), active_.data());
        wired_ = wiring_.empty();
    }
    // Repairs the masks of the genome that was read last, once: expanding does it otherwise.
    void wire(std::vector<Repair>* repairs = nullptr);
    // Expands the genome that was read last; its masks are repaired in the normal form. Throws
    // std::invalid_argument saying which operation fails, and why.
    const Graph& expand(std::vector<Repair>* repairs = nullptr);
    // The same network with composite nodes for what was expanded before. May throw where `expand` wouldn't.
    const Graph& expand_known();

    std::span<const std::uint16_t> normal() const { return {normal_.data(), active_.size()}; }
    const std::vector<std::uint8_t>& active() const { return active_; }
    const Graph& graph() const { return builder_.graph(); }

  private:
    // An execution of a procedure. Lexical parents are always still running, so plain pointers reach them.
    struct Frame {
        const Procedure* procedure;
        const Frame* parent;
        std::int32_t base;      // column its offsets count from
        std::int32_t slot;      // position in its repeat, or -1
        std::int32_t count;     // slots of that repeat in this genome
        std::int32_t n_inputs;  // inputs of that repeat
        const Value* inputs;
        const Value* outputs;  // of the slots before this one
        const std::int64_t* params;
        Value* registers;
    };

    // Most registers and parameters that run at the same time below a procedure.
    struct Need {
        std::size_t values = 0;
        std::size_t params = 0;
        std::size_t inputs = 0;  // of one operation
    };
    Need need(std::size_t procedure, std::vector<Need>& known) const;

    const Graph& start();
    Value run(Frame& frame, std::int32_t block) {
        const Block& code = frame.procedure->blocks[static_cast<std::size_t>(block)];
        return remembering_ && code.site >= 0 ? known(frame, code) : run(frame, code);
    }
    Value known(Frame& frame, const Block& code);
    Value run(Frame& frame, const Block& code);
    Value remember(Frame& frame, const Block& code);
    Value execute(Frame& frame, const Instr& instr);
    Value operate(const Frame& frame, const Instr& instr);
    Value choose(Frame& frame, const Instr& instr);
    Value call(const Frame& frame, const Instr& instr);
    Value slots(const Frame& frame, const Instr& instr);
    Value reference(const Frame& frame, const Instr& instr);
    Value gather(const Frame& frame, const Instr& instr);
    Value enter(Frame& frame, const Value* inputs);
    const std::int64_t* arguments(const Frame& frame, const Instr& instr);

    std::int64_t evaluate(const Frame& frame, std::int32_t number) {
        const Expr& expr = frame.procedure->exprs[static_cast<std::size_t>(number)];
        if (expr.op == ExprOp::kConst) return expr.a;
        if (expr.op == ExprOp::kGene) return gene(frame, expr);
        return expr.op == ExprOp::kParam ? frame.params[expr.a] : compute(frame, expr);
    }
    std::int64_t compute(const Frame& frame, const Expr& expr);
    std::int64_t gene(const Frame& frame, const Expr& expr) const {
        const std::uint16_t value = normal_[static_cast<std::size_t>(climb(&frame, expr.a)->base + expr.b)];
        return expr.c < 0 ? value : layout_.tables[static_cast<std::size_t>(expr.c)][value];
    }
    std::int64_t dimension(const Frame& frame, const Expr& expr) const;
    std::int64_t binary(const Frame& frame, const Expr& expr);
    static const Frame* climb(const Frame* frame, std::int64_t up) {
        for (; up > 0; --up) frame = frame->parent;
        return frame;
    }
    static const Frame* climb_to_slot(const Frame* frame, std::int64_t up) {
        frame = climb(frame, up);
        while (frame->slot < 0) frame = frame->parent;
        return frame;
    }
    void spend(std::size_t steps) {
        if (steps > steps_left_) too_long();
        steps_left_ -= steps;
    }
    [[noreturn]] static void too_long();

    const Layout& layout_;
    Wiring wiring_;
    GraphBuilder builder_;
    std::vector<std::uint16_t> normal_;
    std::vector<std::uint8_t> active_;
    std::vector<Value> values_;  // registers, slot inputs and outputs of the running frames: a stack
    std::vector<std::int64_t> params_;
    std::vector<Value> gathered_;
    Value* value_top_ = nullptr;
    std::int64_t* param_top_ = nullptr;
    std::size_t steps_left_ = 0;
    std::unique_ptr<Memo> memo_;  // once it was asked for
    bool remembering_ = false;
    bool wired_ = true;  // masks of the genome at hand are repaired
};

}  // namespace cambrian
