#include "cambrian/interpret.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <stdexcept>
#include <string>

#include "memos.hpp"

namespace cambrian {
namespace {

// Calls of calls can multiply; no network worth the name takes more instructions than this.
constexpr std::size_t kMaxSteps = std::size_t{1} << 20;

std::size_t at(std::int64_t index) {
    return static_cast<std::size_t>(index);
}

}  // namespace

Interpreter::Interpreter(const Layout& layout)
    : layout_(layout), wiring_(layout), normal_(layout.width() + 3), active_(layout.width()) {
    if (layout.plain()) return;
    std::vector<Need> known(layout.procedures.size());
    const Need most = need(0, known);
    values_.resize(most.values + 1);
    params_.resize(most.params + 1);
    gathered_.resize(most.inputs);
}

Interpreter::~Interpreter() {
    if (memo_) layout_.memos->give_back(std::move(memo_));
}

Interpreter::Need Interpreter::need(std::size_t procedure, std::vector<Need>& known) const {
    if (known[procedure].values > 0) return known[procedure];
    const Procedure& code = layout_.procedures[procedure];
    Need below;
    for (const Instr& instr : code.instrs) {
        below.inputs = std::max(below.inputs, at(std::max(instr.inputs.count, kMaxMaskBits)));
        if (!runs_procedure(instr.kind)) continue;
        const Need target = need(at(instr.target), known);
        below.values = std::max(below.values, target.values + 2 * at(instr.inputs.count) + at(instr.max));
        below.params = std::max(below.params, target.params + at(instr.args.count));
        below.inputs = std::max(below.inputs, target.inputs);
    }
    // One more, so that a procedure without registers is known as well.
    return known[procedure] = {below.values + at(code.registers) + 1, below.params, below.inputs};
}

const Graph& Interpreter::expand(std::vector<Repair>* repairs) {
    builder_.record(repairs);
    wire(repairs);
    remembering_ = false;
    return start();
}

const Graph& Interpreter::expand_known() {
    builder_.record(nullptr);
    wire(nullptr);
    if (!memo_) memo_ = layout_.memos->take(layout_.sites.size());
    memo_->start();
    remembering_ = true;
    return start();
}

// Repairs masks, once: what they are then is not put in again.
void Interpreter::wire(std::vector<Repair>* repairs) {
    if (!wired_) wiring_.repair(normal_.data(), active_.data(), repairs);
    wired_ = true;
}

const Graph& Interpreter::start() {
    builder_.start(layout_.input);
    value_top_ = values_.data();
    param_top_ = params_.data();
    steps_left_ = kMaxSteps;
    const Value input = 0;
    Frame root{
        &layout_.procedures.front(), nullptr, 0, -1, 0, 0, nullptr, nullptr, &layout_.outputs, nullptr};
    const Value output = enter(root, &input);
    if (output == kAbsent) throw std::invalid_argument("the space's template returns an absent value");
    builder_.finish(output);
    return builder_.graph();
}

void Interpreter::too_long() {
    throw std::invalid_argument("the templates run for too long; do they multiply calls?");
}

Value Interpreter::enter(Frame& frame, const Value* inputs) {
    frame.registers = value_top_;
    value_top_ += frame.procedure->registers;
    std::copy_n(inputs, frame.procedure->inputs, frame.registers);
    const Value result = run(frame, 0);
    value_top_ = frame.registers;
    return result;
}

Value Interpreter::known(Frame& frame, const Block& code) {
    return memo_->pays(code.site) ? remember(frame, code) : run(frame, code);
}

// The result of a block that is a site, as it was the last time, if it can be.
Value Interpreter::remember(Frame& frame, const Block& code) {
    const Site& site = layout_.sites[at(code.site)];
    const Value x = frame.registers[site.input];
    if (x == kAbsent || builder_.zero(x)) return run(frame, code);
    const Shape& shape = builder_.shape(x);
    Memo::Key key;
    std::uint64_t* word = key.words.data();
    // No shape has more than three dimensions.
    *word++ = word_of(shape.dim[0], shape.dim[1]);
    *word++ = word_of(shape.dim[2], code.site * 4 + shape.rank);
    for (const Site::Genes& genes : site.genes) {
        const std::uint16_t* first = normal_.data() + climb(&frame, genes.up)->base + genes.offset;
        const std::uint64_t four = first[0] | std::uint64_t{first[1]} << 16 | std::uint64_t{first[2]} << 32 |
                                   std::uint64_t{first[3]} << 48;
        *word++ = four & genes.mask;
    }
    for (const std::int32_t param : site.params) *word++ = static_cast<std::uint64_t>(frame.params[param]);
    for (const std::int32_t up : site.slots) {
        const Frame* slot = climb_to_slot(&frame, up);
        *word++ = word_of(slot->slot, slot->count);
    }
    key.count = static_cast<std::uint32_t>(word - key.words.data());
    const std::uint64_t hash = key.hash();
    const Memo::Entry* known = memo_->find(code.site, key, hash);
    if (known != nullptr && !known->known) return run(frame, code);
    if (known != nullptr) {
        spend(known->steps);
        return memo_->apply(*known, builder_, x);
    }
    const GraphBuilder::Mark mark = builder_.mark();
    const std::size_t steps = steps_left_;
    const Value y = run(frame, code);
    return memo_->record(key, hash, builder_, mark, x, y, steps - steps_left_);
}

Value Interpreter::run(Frame& frame, const Block& code) {
    const Instr* instr = frame.procedure->instrs.data() + code.body.first;
    const Instr* const end = instr + code.body.count;
    spend(at(code.body.count) + 1);
    for (; instr != end; ++instr) frame.registers[instr->dst] = execute(frame, *instr);
    return frame.registers[code.result];
}

Value Interpreter::execute(Frame& frame, const Instr& instr) {
    switch (instr.kind) {
        case InstrKind::kOp:
            return operate(frame, instr);
        case InstrKind::kSwitch:
            return choose(frame, instr);
        case InstrKind::kCall:
            return call(frame, instr);
        case InstrKind::kSlots:
        case InstrKind::kEach:
            return slots(frame, instr);
        case InstrKind::kRef:
            return reference(frame, instr);
        case InstrKind::kGather:
            return gather(frame, instr);
    }
    return kAbsent;
}

Value Interpreter::operate(const Frame& frame, const Instr& instr) {
    const std::int32_t* lists = frame.procedure->lists.data();
    const std::int32_t* args = lists + instr.args.first;
    const std::int32_t* inputs = lists + instr.inputs.first;
    const auto n_args = at(instr.args.count), n_inputs = at(instr.inputs.count);
    std::array<std::int64_t, kMaxArgs> values;
    for (std::size_t i = 0; i < n_args; ++i) values[i] = evaluate(frame, args[i]);
    const auto op = static_cast<Op>(instr.target);
    if (n_inputs == 1) {
        const Value x = frame.registers[inputs[0]];
        return x == kAbsent ? kAbsent : builder_.unary(op, x, {values.data(), n_args});
    }
    spend(n_inputs);
    for (std::size_t i = 0; i < n_inputs; ++i) gathered_[i] = frame.registers[inputs[i]];
    return builder_.apply(op, {gathered_.data(), n_inputs}, {values.data(), n_args});
}

Value Interpreter::choose(Frame& frame, const Instr& instr) {
    const std::int64_t chosen = evaluate(frame, frame.procedure->list(instr.args)[0]);
    if (chosen < 0 || chosen >= instr.blocks.count) {
        throw std::invalid_argument("a switch over " + std::to_string(instr.blocks.count) + " options got " +
                                    std::to_string(chosen));
    }
    return run(frame, frame.procedure->list(instr.blocks)[at(chosen)]);
}

const std::int64_t* Interpreter::arguments(const Frame& frame, const Instr& instr) {
    std::int64_t* params = param_top_;
    for (const std::int32_t arg : frame.procedure->list(instr.args)) *param_top_++ = evaluate(frame, arg);
    return params;
}

Value Interpreter::call(const Frame& frame, const Instr& instr) {
    const Frame* parent = climb(&frame, instr.up);
    Value* inputs = value_top_;
    for (const std::int32_t input : frame.procedure->list(instr.inputs))
        *value_top_++ = frame.registers[input];
    std::int64_t* const params = param_top_;
    Frame callee{&layout_.procedures[at(instr.target)],
                 parent,
                 parent->base + instr.offset,
                 -1,
                 0,
                 0,
                 nullptr,
                 nullptr,
                 arguments(frame, instr),
                 nullptr};
    const Value result = enter(callee, inputs);
    value_top_ = inputs;
    param_top_ = params;
    return result;
}

Value Interpreter::slots(const Frame& frame, const Instr& instr) {
    const Frame* parent = climb(&frame, instr.up);
    const std::int32_t count = instr.min + (instr.length < 0 ? 0 : normal_[at(parent->base + instr.length)]);
    Value* const inputs = value_top_;
    for (const std::int32_t input : frame.procedure->list(instr.inputs))
        *value_top_++ = frame.registers[input];
    Value* const current = value_top_;
    std::copy(inputs, current, current);
    value_top_ = current + instr.inputs.count;
    Value* const outputs = value_top_;
    value_top_ += count;
    std::int64_t* const params = param_top_;
    const std::int64_t* const args = arguments(frame, instr);
    for (std::int32_t slot = 0; slot < count; ++slot) {
        Frame callee{&layout_.procedures[at(instr.target)],
                     parent,
                     parent->base + instr.offset + slot * instr.width,
                     slot,
                     count,
                     instr.inputs.count,
                     inputs,
                     outputs,
                     args,
                     nullptr};
        outputs[slot] = enter(callee, current);
        current[0] = outputs[slot];
    }
    if (instr.kind == InstrKind::kEach) {
        Value* const each = frame.registers + instr.dst + 1;
        std::fill(std::copy_n(outputs, count, each), each + instr.max, kAbsent);
    }
    value_top_ = inputs;
    param_top_ = params;
    return current[0];
}

Value Interpreter::reference(const Frame& frame, const Instr& instr) {
    const Frame* home = climb(&frame, instr.up);
    const std::int32_t number = home->base + instr.offset;
    const Column& column = layout_.columns[at(number)];
    const std::int32_t value = normal_[at(number)];
    if (column.optional && value == 0) return kAbsent;
    const Frame* slot = climb_to_slot(home, 0);
    const std::int32_t target = slot->slot - (column.optional ? value : value + 1);
    if (target >= 0) return slot->outputs[target];
    const std::int32_t input = std::max(target, -slot->n_inputs);
    builder_.repaired(Rule::kClamp, number, target, input);
    return slot->inputs[slot->n_inputs + input];
}

Value Interpreter::gather(const Frame& frame, const Instr& instr) {
    const Frame* home = climb(&frame, instr.up);
    std::uint32_t left = normal_[at(home->base + instr.offset)];
    const std::int32_t* registers = frame.procedure->lists.data() + instr.inputs.first;
    const Frame* slot = instr.max == 0 ? climb_to_slot(home, 0) : nullptr;
    std::int32_t position, n_inputs;
    if (slot != nullptr) {
        position = slot->slot;
        n_inputs = slot->n_inputs;
    } else {
        position = instr.min + (instr.length < 0 ? 0 : normal_[at(home->base + instr.length)]);
        n_inputs = instr.inputs.count - instr.max;
    }
    std::size_t n = 0;
    for (; left != 0; left &= ~std::bit_floor(left)) {
        const std::int32_t target = position - static_cast<std::int32_t>(std::bit_width(left));
        if (slot != nullptr)
            gathered_[n++] = target >= 0 ? slot->outputs[target] : slot->inputs[n_inputs + target];
        else
            gathered_[n++] = frame.registers[registers[n_inputs + target]];
    }
    spend(n);
    return builder_.apply(static_cast<Op>(instr.target), {gathered_.data(), n}, {});
}

}  // namespace cambrian
