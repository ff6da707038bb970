// The space, compiled for the core: columns of the genome, the tree of repeats, conditions, templates.
//
// A layout arrives as one flat record of int64 words (no strings, no pointers), so that it can be stored,
// compared and fuzzed. `Layout::parse` is the only way in: it checks every count, index and range, so the
// rest of the core may trust a Layout without looking again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "cambrian/site.hpp"

namespace cambrian {

class Memos;
class ModuleCosts;

inline constexpr std::int64_t kLayoutMagic = 0x4341'4D42;  // "CAMB"
inline constexpr std::int64_t kLayoutVersion = 2;

enum class GeneKind : std::uint8_t {
    kChoice = 0,
    kInt = 1,
    kFloat = 2,
    kReference = 3,
    kLength = 4,
    kMask = 5,  // a set of slots and inputs of a repeat: see Mask
};
inline constexpr std::int32_t kMaxMaskBits = 16;

// The column takes part only while `column` is active and holds one of the allowed options.
struct Condition {
    std::int32_t column;
    std::vector<std::uint8_t> allowed;  // one flag per option of `column`
};

struct Column {
    GeneKind kind;
    std::int32_t options;  // 1 … 65,536; the gene's value is 0 … options - 1
    std::int32_t repeat;   // innermost repeat whose slot holds this column, or -1
    std::int32_t slot;     // the slot within that repeat, or -1
    std::int32_t inputs;   // reference, mask: how many inputs its repeat has (targets -1 … -inputs); else 0
    bool optional;         // reference: option 0 means "none"
    std::vector<Condition> conditions;

    bool ordered() const {
        return kind == GeneKind::kInt || kind == GeneKind::kFloat || kind == GeneKind::kLength;
    }
};

// One repeated group at one place of the genome. Slot s owns columns [first + s * width, first + (s+1) *
// width).
struct Repeat {
    std::int32_t length_column;  // its option k means min + k slots; -1 where min == max
    std::int32_t min;
    std::int32_t max;
    std::int32_t first;
    std::int32_t width;
    std::int32_t parent;       // enclosing repeat, or -1
    std::int32_t parent_slot;  // slot of the enclosing repeat, or -1
    std::int32_t edges;        // most bits that all masks over it may hold together, or 0: see Wiring
};

// A gene whose value is a set of edges: bit b says that the slot b + 1 places before is taken. Places before
// slot 0 are the repeat's inputs: slot i names slots i - 1 … 0 by bits 0 … i - 1, then inputs -1 … -inputs.
// A mask stands in a slot of `repeat` and names what comes before that slot; or it stands beside `repeat`, in
// the same slot of the same parent, and names what comes before the end: bit 0 is the last slot in use.
// Before a template reads a mask it is repaired (wiring.hpp), so bits that name nothing do no harm. What
// moves slots moves the bits with them (src/slots.hpp), as it does references.
struct Mask {
    std::int32_t column;  // of 2^bits options
    std::int32_t repeat;  // whose slots and inputs it names
    std::int32_t least;   // fewer bits are filled up, the nearest first
    std::int32_t most;    // of more bits the farthest are dropped
    bool loose;           // beside its repeat: takes every slot, too, that no other mask names
};

enum class ExprOp : std::uint8_t {
    kConst = 0,  // a: the value
    kGene =
        1,  // a: frames up, b: column offset from that frame's base, c: table, or -1 for the option itself
    kParam = 2,   // a: parameter of this frame
    kDim = 3,     // a: register, b: 0 … 3 one dimension; 4 rank; 5 number of elements
    kIndex = 4,   // a: frames up to a slot; its position in the repeat
    kCount = 5,   // a: frames up to a slot; how many slots its repeat has in this genome
    kSame = 6,    // a, b: registers; 1 if they hold the same value
    kExists = 7,  // a: register; 0 if it is absent (an optional reference to nothing)
    kAdd = 10,
    kSub,
    kMul,
    kFloorDiv,
    kCeilDiv,
    kMod,
    kMin,
    kMax,
    kBit = 18,  // bit b of a, 0 where there is none; a, b of all these: earlier expressions
    kEq = 20,
    kNe,
    kLt,
    kLe,
    kAnd,
    kOr,
    kNot = 26,    // a
    kWhere = 27,  // a ? b : c
};

struct Expr {
    ExprOp op;
    std::int64_t a, b, c;
};

enum class InstrKind : std::uint8_t {
    kOp = 0,      // apply primitive `target` to `inputs` with attributes `args`
    kSwitch = 1,  // run the block args[0] selects from `blocks`
    kCall = 2,    // run procedure `target` at column `offset` of the frame `up`, with parameters `args`
    kSlots = 3,   // run procedure `target` once a slot of the repeat at `repeat`, each on the one before it
    kRef = 4,     // the value that the reference at column `offset` of the frame `up` points at, maybe absent
    // Primitive `target` (add or concat) of the values that the mask at column `offset` of the frame `up`
    // names, the earliest first. In a slot (max is 0) these are the slots before and the repeat's inputs;
    // else `inputs` holds them, the repeat's inputs before its slots, with length, min and max as in kSlots.
    kGather = 5,
    kEach = 6,  // kSlots that writes what slot s gives to register dst + 1 + s as well, absent if not in use
};

constexpr bool runs_slots(InstrKind kind) {
    return kind == InstrKind::kSlots || kind == InstrKind::kEach;
}
constexpr bool runs_procedure(InstrKind kind) {
    return kind == InstrKind::kCall || runs_slots(kind);
}

// A run of entries in `Procedure::lists` (or of instructions, for a block).
struct Slice {
    std::int32_t first;
    std::int32_t count;
};

struct Instr {
    InstrKind kind;
    std::int32_t dst;  // register that receives the result; no other instruction of the procedure writes it
    std::int32_t target;           // primitive (kOp) or procedure (kCall, kSlots); else -1
    std::int32_t up;               // frames up (all but kOp, kSwitch); else 0
    std::int32_t offset;           // column offset from that frame's base (kSlots: column of slot 0)
    std::int32_t length;           // kSlots, kGather: column offset of the length gene, or -1; else -1
    std::int32_t min, max, width;  // kSlots, kGather: as in Repeat; else 0
    Slice inputs;                  // registers
    Slice args;                    // expressions
    Slice blocks;                  // kSwitch
};

struct Block {
    Slice body;
    std::int32_t result;     // register; may hold an absent value
    std::int32_t site = -1;  // where its expansion may be remembered
};

// A recorded template. Registers 0 … inputs-1 are its inputs. Block 0 is its body.
struct Procedure {
    std::int32_t inputs;
    std::int32_t params;
    std::int32_t registers;
    std::vector<Expr> exprs;
    std::vector<Block> blocks;
    std::vector<Instr> instrs;
    std::vector<std::int32_t> lists;  // inputs, args and blocks of the instructions

    std::span<const std::int32_t> list(Slice slice) const {
        return {lists.data() + slice.first, static_cast<std::size_t>(slice.count)};
    }
};

// The same as columns, repeats and conditions say, laid out in the order in which activity is decided.
struct ActivityPlan {
    struct Gate {
        std::int32_t column;
        std::int32_t last;  // its last option
        bool again;         // its tests are those of the gate before, in the same slot
        Slice tests;
    };
    struct Test {
        std::int32_t column;
        std::int32_t first_flag;  // of its options in `allowed`
    };
    struct Run {  // gates of one slot
        Slice gates;
        std::int32_t repeat;
        std::int32_t slot;
        Slice columns;       // the gates' and those of later slots, if all are neighbours; else none
        std::int32_t slots;  // how many these are: where one is not in use, those after it aren't
    };
    std::vector<Run> runs;
    std::vector<Gate> gates;
    std::vector<Test> tests;
    std::vector<std::uint8_t> allowed;
};

struct Layout {
    std::vector<Column> columns;
    std::vector<std::int32_t> order;  // columns, each after all that decide whether it is active
    std::vector<Repeat> repeats;
    std::vector<Mask> masks;  // by column
    std::vector<std::vector<std::int64_t>> tables;
    std::vector<std::int64_t> input;       // shape of the network's input without the batch; empty if plain
    std::int64_t outputs = 0;              // parameter 0 of procedure 0
    std::vector<Procedure> procedures;     // procedure 0 is the space's own; none: a plain space
    std::vector<std::uint8_t> recipe;      // one flag per column: no template reads it
    std::vector<std::uint8_t> operations;  // one flag per column: its options are operations
    std::vector<std::int64_t> words;       // the record this was parsed from
    ActivityPlan activity;
    std::vector<Site> sites;
    std::shared_ptr<const ModuleCosts>
        modules;  // costs of users' modules, as far as known; not in the record
    // Saves time, and nothing else: what decoding gives doesn't depend on it. Copies share it.
    std::shared_ptr<Memos> memos;

    bool plain() const { return procedures.empty(); }
    bool wide() const;  // some gene has more than 256 options: genomes are uint16
    std::size_t width() const { return columns.size(); }

    // Throws std::invalid_argument with the position and what was expected. Never reads outside `words`.
    static Layout parse(std::span<const std::int64_t> words);
};

// Of a layout whose columns, order and repeats are there; `parse` has done it.
ActivityPlan plan_activity(const Layout& layout);

}  // namespace cambrian
