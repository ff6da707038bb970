#include "cambrian/layout.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "cambrian/operation.hpp"
#include "memos.hpp"
#include "record.hpp"
#include "validate.hpp"

namespace cambrian {
namespace {

constexpr std::int64_t kMaxColumns = 1 << 20;
constexpr std::int64_t kMaxDim = INT32_MAX;
constexpr std::int64_t kMaxRegisters = 1 << 16;
constexpr std::size_t kMaxConditionFlags = std::size_t{1} << 26;

// Flags take memory that the record's own length doesn't bound.
void grow_flags(std::vector<std::uint8_t>& flags, std::size_t options, std::size_t& left) {
    if (options <= flags.size()) return;
    if (options - flags.size() > left)
        throw std::invalid_argument("layout: conditions over too many options");
    left -= options - flags.size();
    flags.resize(options, 0);
}

Condition read_condition(RecordReader& reader, std::int64_t n_columns, std::size_t& flags_left) {
    Condition condition{};
    condition.column = reader.next32("condition column", 0, n_columns - 1);
    const std::size_t n = reader.count("number of allowed options", 1, 1);
    for (std::size_t i = 0; i < n; ++i) {
        const auto option = static_cast<std::size_t>(reader.next("allowed option", 0, 65'535));
        grow_flags(condition.allowed, option + 1, flags_left);
        condition.allowed[option] = 1;
    }
    return condition;
}

Column read_column(RecordReader& reader, std::int64_t n_columns, std::size_t& flags_left) {
    Column column{};
    column.kind = static_cast<GeneKind>(reader.next("gene kind", 0, 5));
    column.options = reader.next32("options", 1, 65'536);
    column.repeat = reader.next32("repeat of a column", -1, n_columns);
    column.slot = reader.next32("slot of a column", -1, n_columns);
    column.inputs = reader.next32("inputs of a reference", 0, 64);
    column.optional = reader.next("optional flag", 0, 1) != 0;
    const std::size_t n = reader.count("number of conditions", 0, 3);
    for (std::size_t i = 0; i < n; ++i)
        column.conditions.push_back(read_condition(reader, n_columns, flags_left));
    return column;
}

// Flags read so far reach to the largest allowed option; every column's options are known only now.
void fit_conditions(std::vector<Column>& columns, std::size_t& flags_left) {
    for (auto& column : columns) {
        for (auto& condition : column.conditions) {
            const auto options =
                static_cast<std::size_t>(columns[static_cast<std::size_t>(condition.column)].options);
            if (condition.allowed.size() > options) {
                throw std::invalid_argument("layout: a condition allows option " +
                                            std::to_string(condition.allowed.size() - 1) + " of column " +
                                            std::to_string(condition.column) + ", which has " +
                                            std::to_string(options));
            }
            grow_flags(condition.allowed, options, flags_left);
        }
    }
}

Repeat read_repeat(RecordReader& reader, std::int64_t index, std::int64_t n_columns) {
    Repeat repeat{};
    repeat.length_column = reader.next32("length column", -1, n_columns - 1);
    repeat.min = reader.next32("repeat min", 0, 65'535);
    repeat.max = reader.next32("repeat max", std::max<std::int64_t>(repeat.min, 1), 65'535);
    repeat.first = reader.next32("repeat's first column", 0, n_columns);
    repeat.width = reader.next32("repeat width", 0, (n_columns - repeat.first) / repeat.max);
    repeat.parent = reader.next32("parent repeat", -1, index - 1);
    repeat.parent_slot = reader.next32("parent slot", -1, 65'535);
    repeat.edges = reader.next32("edges of a repeat", 0, 65'535);
    return repeat;
}

Mask read_mask(RecordReader& reader, std::int64_t n_columns, std::int64_t n_repeats) {
    Mask mask{};
    mask.column = reader.next32("column of a mask", 0, n_columns - 1);
    mask.repeat = reader.next32("repeat of a mask", 0, n_repeats - 1);
    mask.least = reader.next32("least bits of a mask", 0, kMaxMaskBits);
    mask.most = reader.next32("most bits of a mask", std::max(mask.least, 1), kMaxMaskBits);
    mask.loose = reader.next("loose flag", 0, 1) != 0;
    return mask;
}

Slice read_list(RecordReader& reader, std::vector<std::int32_t>& lists, const char* what,
                std::int64_t limit) {
    const Slice slice{static_cast<std::int32_t>(lists.size()),
                      static_cast<std::int32_t>(reader.count(what, 0, 1))};
    for (std::int32_t i = 0; i < slice.count; ++i) lists.push_back(reader.next32(what, 0, limit - 1));
    return slice;
}

Instr read_instr(RecordReader& reader, Procedure& procedure, std::int64_t n_procedures,
                 std::int64_t n_columns) {
    const auto n_ops = static_cast<std::int64_t>(operations().size());
    Instr instr{};
    instr.kind = static_cast<InstrKind>(reader.next("instruction kind", 0, 6));
    const bool op = instr.kind == InstrKind::kOp;
    const bool slots = runs_slots(instr.kind);
    const bool gather = instr.kind == InstrKind::kGather;
    const bool runs = runs_procedure(instr.kind);
    const bool placed = runs || gather || instr.kind == InstrKind::kRef;
    const bool counts = slots || gather;
    instr.dst = reader.next32("destination register", procedure.inputs, procedure.registers - 1);
    instr.target = op || gather ? reader.next32("operation", 1, n_ops - 1)
                   : runs       ? reader.next32("procedure", 1, n_procedures - 1)
                                : reader.next32("unused target", -1, -1);
    instr.up = reader.next32("frames up", 0, placed ? 32 : 0);
    instr.offset = reader.next32("column offset", 0, placed ? n_columns : 0);
    instr.length = reader.next32("length offset", -1, counts ? n_columns : -1);
    instr.min = reader.next32("slots min", 0, counts ? 65'535 : 0);
    instr.max = reader.next32("slots max", slots ? std::max(instr.min, 1) : 0, counts ? 65'535 : 0);
    instr.width = reader.next32("slots width", 0, slots ? n_columns : 0);
    instr.inputs = read_list(reader, procedure.lists, "input register", procedure.registers);
    instr.args = read_list(reader, procedure.lists, "argument expression",
                           static_cast<std::int64_t>(procedure.exprs.size()));
    instr.blocks =
        read_list(reader, procedure.lists, "block", static_cast<std::int64_t>(procedure.blocks.size()));
    return instr;
}

Expr read_expr(RecordReader& reader) {
    Expr expr{};
    const std::int64_t op = reader.next("expression", 0, 27);
    if ((op > 7 && op < 10) || op == 19) {
        throw std::invalid_argument("layout word " + std::to_string(reader.position() - 1) +
                                    ": no expression has code " + std::to_string(op));
    }
    expr.op = static_cast<ExprOp>(op);
    expr.a = reader.any("expression operand");
    expr.b = reader.any("expression operand");
    expr.c = reader.any("expression operand");
    return expr;
}

Procedure read_procedure(RecordReader& reader, std::int64_t n_procedures, std::int64_t n_columns) {
    Procedure procedure{};
    procedure.inputs = reader.next32("procedure inputs", 0, 64);
    procedure.params = reader.next32("procedure parameters", 0, 256);
    procedure.registers = reader.next32("procedure registers", procedure.inputs, kMaxRegisters);
    procedure.exprs.resize(reader.count("number of expressions", 0, 4));
    for (auto& expr : procedure.exprs) expr = read_expr(reader);
    procedure.blocks.resize(reader.count("number of blocks", 1, 2));
    for (auto& block : procedure.blocks) {
        block.body.first = static_cast<std::int32_t>(procedure.instrs.size());
        block.body.count = static_cast<std::int32_t>(reader.count("number of instructions", 0, 12));
        for (std::int32_t i = 0; i < block.body.count; ++i) {
            procedure.instrs.push_back(read_instr(reader, procedure, n_procedures, n_columns));
        }
        block.result = reader.next32("result register", 0, procedure.registers - 1);
    }
    return procedure;
}

void read_columns(RecordReader& reader, Layout& layout) {
    std::size_t flags_left = kMaxConditionFlags;
    layout.columns.resize(reader.count("number of columns", 1, 7));
    const auto n = static_cast<std::int64_t>(layout.columns.size());
    if (n > kMaxColumns) {
        throw std::invalid_argument("layout: " + std::to_string(n) + " columns are more than " +
                                    std::to_string(kMaxColumns));
    }
    for (auto& column : layout.columns) column = read_column(reader, n, flags_left);
    fit_conditions(layout.columns, flags_left);
    for (std::int64_t i = 0; i < n; ++i)
        layout.order.push_back(reader.next32("column of the order", 0, n - 1));
    layout.repeats.resize(reader.count("number of repeats", 0, 8));
    for (std::size_t r = 0; r < layout.repeats.size(); ++r) {
        layout.repeats[r] = read_repeat(reader, static_cast<std::int64_t>(r), n);
    }
    layout.masks.resize(reader.count("number of masks", 0, 5));
    for (auto& mask : layout.masks)
        mask = read_mask(reader, n, static_cast<std::int64_t>(layout.repeats.size()));
}

void read_programs(RecordReader& reader, Layout& layout) {
    layout.tables.resize(reader.count("number of tables", 0, 2));
    for (auto& table : layout.tables) {
        table.resize(reader.count("table length", 1, 1));
        for (auto& value : table) value = reader.any("table value");
    }
    layout.input.resize(static_cast<std::size_t>(reader.next("input rank", 0, 3)));
    for (auto& dim : layout.input) dim = reader.next("input dimension", 1, kMaxDim);
    layout.outputs = reader.next("outputs", 0, kMaxDim);
    layout.procedures.resize(reader.count("number of procedures", 0, 6));
    const auto n = static_cast<std::int64_t>(layout.procedures.size());
    for (auto& procedure : layout.procedures) {
        procedure = read_procedure(reader, n, static_cast<std::int64_t>(layout.columns.size()));
    }
}

}  // namespace

namespace {

std::size_t at(std::int32_t index) {
    return static_cast<std::size_t>(index);
}

bool same_tests(const Column& a, const Column& b) {
    return std::equal(a.conditions.begin(), a.conditions.end(), b.conditions.begin(), b.conditions.end(),
                      [](const Condition& x, const Condition& y) {
                          return x.column == y.column && x.allowed == y.allowed;
                      });
}

}  // namespace

ActivityPlan plan_activity(const Layout& layout) {
    ActivityPlan plan;
    for (const std::int32_t c : layout.order) {
        const Column& column = layout.columns[at(c)];
        if (plan.runs.empty() || plan.runs.back().repeat != column.repeat ||
            plan.runs.back().slot != column.slot) {
            plan.runs.push_back(
                {{static_cast<std::int32_t>(plan.gates.size()), 0}, column.repeat, column.slot, {0, 0}, 1});
        }
        const bool again = plan.runs.back().gates.count++ > 0 &&
                           same_tests(layout.columns[at(plan.gates.back().column)], column);
        const auto n = static_cast<std::int32_t>(column.conditions.size());
        plan.gates.push_back(
            {c, column.options - 1, again, {static_cast<std::int32_t>(plan.tests.size()), n}});
        for (const Condition& condition : column.conditions) {
            plan.tests.push_back({condition.column, static_cast<std::int32_t>(plan.allowed.size())});
            plan.allowed.insert(plan.allowed.end(), condition.allowed.begin(), condition.allowed.end());
        }
    }
    for (ActivityPlan::Run& run : plan.runs) {
        std::int32_t first = plan.gates[at(run.gates.first)].column, last = first;
        for (std::int32_t g = 1; g < run.gates.count; ++g) {
            const std::int32_t c = plan.gates[at(run.gates.first + g)].column;
            first = std::min(first, c);
            last = std::max(last, c);
        }
        if (last - first + 1 == run.gates.count) run.columns = {first, run.gates.count};
    }
    for (std::size_t r = plan.runs.size(); r-- > 1;) {
        ActivityPlan::Run &run = plan.runs[r - 1], &next = plan.runs[r];
        const bool neighbours = run.columns.count > 0 && next.columns.count > 0 &&
                                run.columns.first + run.columns.count == next.columns.first;
        if (!neighbours || run.repeat < 0 || run.repeat != next.repeat) continue;
        run.columns.count += next.columns.count;
        run.slots += next.slots;
    }
    return plan;
}

bool Layout::wide() const {
    return std::any_of(columns.begin(), columns.end(),
                       [](const Column& column) { return column.options > 256; });
}

Layout Layout::parse(std::span<const std::int64_t> words) {
    RecordReader reader(words);
    Layout layout;
    reader.next("magic number", kLayoutMagic, kLayoutMagic);
    reader.next("version", kLayoutVersion, kLayoutVersion);
    read_columns(reader, layout);
    read_programs(reader, layout);
    for (std::size_t i = 0; i < layout.columns.size(); ++i) {
        const std::int64_t flags = reader.next("flags of a column", 0, 3);
        layout.recipe.push_back(static_cast<std::uint8_t>(flags & 1));
        layout.operations.push_back(static_cast<std::uint8_t>(flags >> 1));
    }
    reader.next("end mark", kLayoutMagic, kLayoutMagic);
    if (!reader.done()) {
        throw std::invalid_argument("layout: words left after the end mark at word " +
                                    std::to_string(reader.position() - 1));
    }
    validate_columns(layout);
    validate_masks(layout);
    validate_procedures(layout);
    validate_frames(layout);
    layout.activity = plan_activity(layout);
    find_sites(layout);
    layout.memos = std::make_shared<Memos>();
    layout.words.assign(words.begin(), words.end());
    return layout;
}

}  // namespace cambrian
