// Runs every procedure at every place of the genome it can be run at, over all options and slots at once, to
// show that no genome can make the interpreter read a column, table or frame that isn't there.
#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <tuple>

#include "validate.hpp"

namespace cambrian {
namespace {

constexpr std::size_t kMaxFrames = std::size_t{1} << 17;
constexpr std::int64_t kMaxChecks = std::int64_t{1} << 26;

std::size_t at(std::int64_t index) {
    return static_cast<std::size_t>(index);
}

struct Frame {
    std::int32_t procedure;
    std::int32_t parent;  // lexical; -1: none
    std::int32_t base;
    std::int32_t repeat;  // of which it is a slot, or -1
    std::int32_t slot;
    auto operator<=>(const Frame&) const = default;
};

class FrameWalk {
  public:
    explicit FrameWalk(const Layout& layout) : layout_(layout) {
        for (std::size_t r = 0; r < layout.repeats.size(); ++r) {
            const Repeat& repeat = layout.repeats[r];
            repeats_.emplace(key(repeat.first, repeat.width, repeat.min, repeat.max, repeat.length_column),
                             static_cast<std::int32_t>(r));
        }
    }

    void run() {
        add({0, -1, 0, -1, -1});
        for (std::size_t f = 0; f < frames_.size(); ++f) check(static_cast<std::int32_t>(f));
    }

  private:
    using Key = std::tuple<std::int64_t, std::int32_t, std::int32_t, std::int32_t, std::int64_t>;
    static Key key(std::int64_t first, std::int32_t width, std::int32_t min, std::int32_t max,
                   std::int64_t length) {
        return {first, width, min, max, length};
    }

    [[noreturn]] void fail(std::int32_t frame, const std::string& what) const {
        throw std::invalid_argument("layout: procedure " + std::to_string(frames_[at(frame)].procedure) +
                                    " at column " + std::to_string(frames_[at(frame)].base) + ": " + what);
    }

    void add(const Frame& frame) {
        if (!seen_.insert(frame).second) return;
        if (frames_.size() == kMaxFrames) {
            throw std::invalid_argument("layout: procedures are run at more than " +
                                        std::to_string(kMaxFrames) + " places");
        }
        frames_.push_back(frame);
    }

    std::int32_t climb(std::int32_t from, std::int64_t up) const {
        std::int32_t frame = from;
        for (; up > 0 && frame >= 0; --up) frame = frames_[at(frame)].parent;
        if (frame < 0) fail(from, "there are fewer frames above it than it climbs");
        return frame;
    }

    std::int32_t climb_to_slot(std::int32_t from, std::int64_t up) const {
        std::int32_t frame = climb(from, up);
        while (frame >= 0 && frames_[at(frame)].repeat < 0) frame = frames_[at(frame)].parent;
        if (frame < 0) fail(from, "it asks for its slot but is in none");
        return frame;
    }

    std::int32_t column(std::int32_t from, std::int32_t frame, std::int64_t offset) const {
        const std::int64_t number = frames_[at(frame)].base + offset;
        if (number >= static_cast<std::int64_t>(layout_.columns.size())) {
            fail(from, "column " + std::to_string(number) + " doesn't exist");
        }
        return static_cast<std::int32_t>(number);
    }

    void check(std::int32_t frame) {
        const Procedure& procedure = layout_.procedures[at(frames_[at(frame)].procedure)];
        checks_ += static_cast<std::int64_t>(procedure.exprs.size() + procedure.instrs.size());
        if (checks_ > kMaxChecks) throw std::invalid_argument("layout: the programs are too large");
        for (const auto& expr : procedure.exprs) check_expr(frame, expr);
        for (const auto& instr : procedure.instrs) check_instr(frame, instr);
    }

    void check_expr(std::int32_t frame, const Expr& expr) const {
        if (expr.op == ExprOp::kIndex || expr.op == ExprOp::kCount) climb_to_slot(frame, expr.a);
        if (expr.op != ExprOp::kGene) return;
        const std::int32_t number = column(frame, climb(frame, expr.a), expr.b);
        const std::int64_t options = layout_.columns[at(number)].options;
        if (expr.c >= 0 && static_cast<std::int64_t>(layout_.tables[at(expr.c)].size()) < options) {
            fail(frame, "table " + std::to_string(expr.c) + " is shorter than the " +
                            std::to_string(options) + " options of column " + std::to_string(number));
        }
    }

    void check_instr(std::int32_t frame, const Instr& instr) {
        if (instr.kind == InstrKind::kCall) {
            const std::int32_t parent = climb(frame, instr.up);
            const std::int64_t base = std::int64_t{frames_[at(parent)].base} + instr.offset;
            if (base > static_cast<std::int64_t>(layout_.columns.size()))
                fail(frame, "a call leaves the genome");
            add({instr.target, parent, static_cast<std::int32_t>(base), -1, -1});
        } else if (runs_slots(instr.kind)) {
            check_slots(frame, instr);
        } else if (instr.kind == InstrKind::kRef) {
            check_reference(frame, instr);
        } else if (instr.kind == InstrKind::kGather) {
            check_gather(frame, instr);
        }
    }

    void check_slots(std::int32_t frame, const Instr& instr) {
        const std::int32_t parent = climb(frame, instr.up);
        const std::int64_t base = frames_[at(parent)].base;
        const std::int64_t length = instr.length < 0 ? -1 : base + instr.length;
        const auto found = repeats_.find(key(base + instr.offset, instr.width, instr.min, instr.max, length));
        if (found == repeats_.end()) fail(frame, "its slots are those of no repeat");
        checks_ += instr.max;
        for (std::int32_t slot = 0; slot < instr.max; ++slot) {
            add({instr.target, parent, static_cast<std::int32_t>(base + instr.offset + slot * instr.width),
                 found->second, slot});
            slot_inputs(found->second, instr.inputs.count, frame);
        }
    }

    void slot_inputs(std::int32_t repeat, std::int32_t inputs, std::int32_t frame) {
        const auto [known, fresh] = inputs_.emplace(repeat, inputs);
        if (!fresh && known->second != inputs)
            fail(frame, "a repeat is run with different numbers of inputs");
    }

    void check_reference(std::int32_t frame, const Instr& instr) const {
        const std::int32_t number = column(frame, climb(frame, instr.up), instr.offset);
        const Frame& slot = frames_[at(climb_to_slot(frame, instr.up))];
        const Column& reference = layout_.columns[at(number)];
        const std::int32_t inputs = inputs_.at(slot.repeat);
        if (reference.kind != GeneKind::kReference || reference.repeat != slot.repeat ||
            reference.slot != slot.slot || reference.inputs != inputs) {
            fail(frame, "column " + std::to_string(number) + " is not a reference of its slot with " +
                            std::to_string(inputs) + " inputs");
        }
    }

    // Once masks are repaired their bits name what is there: in a slot, slots before and the inputs its frame
    // has; beside the repeat, as many registers as inputs and slots.
    void check_gather(std::int32_t frame, const Instr& instr) const {
        const std::int32_t home = climb(frame, instr.up);
        const std::int32_t number = column(frame, home, instr.offset);
        const auto mask = std::find_if(layout_.masks.begin(), layout_.masks.end(),
                                       [&](const Mask& each) { return each.column == number; });
        if (mask == layout_.masks.end()) fail(frame, "column " + std::to_string(number) + " is no mask");
        const std::int32_t inputs = layout_.columns[at(number)].inputs;
        const bool inside = layout_.columns[at(number)].repeat == mask->repeat;
        bool fits;
        if (instr.max == 0) {
            const Frame& slot = frames_[at(climb_to_slot(home, 0))];
            fits = inside && slot.repeat == mask->repeat && slot.slot == layout_.columns[at(number)].slot &&
                   inputs_.at(slot.repeat) == inputs && instr.inputs.count == 0;
        } else {
            const Repeat& repeat = layout_.repeats[at(mask->repeat)];
            const std::int32_t length = instr.length < 0 ? -1 : frames_[at(home)].base + instr.length;
            fits = !inside && instr.min == repeat.min && instr.max == repeat.max &&
                   length == repeat.length_column && instr.inputs.count == inputs + repeat.max;
        }
        if (!fits)
            fail(frame, "column " + std::to_string(number) + " is not a mask of these slots and inputs");
    }

    const Layout& layout_;
    std::map<Key, std::int32_t> repeats_;
    std::map<std::int32_t, std::int32_t> inputs_;
    std::set<Frame> seen_;
    std::vector<Frame> frames_;
    std::int64_t checks_ = 0;
};

}  // namespace

void validate_frames(const Layout& layout) {
    if (!layout.plain()) FrameWalk(layout).run();
}

}  // namespace cambrian
