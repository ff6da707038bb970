#include "frames.hpp"

#include <algorithm>
#include <set>
#include <tuple>

namespace cambrian {
namespace {

std::size_t at(std::int64_t index) {
    return static_cast<std::size_t>(index);
}

// The layout is valid, so every run of slots is that of a repeat.
std::int32_t repeat_at(const Layout& layout, std::int32_t first, const Instr& instr) {
    const auto found = std::find_if(layout.repeats.begin(), layout.repeats.end(), [&](const Repeat& repeat) {
        return repeat.first == first && repeat.width == instr.width && repeat.max == instr.max;
    });
    return static_cast<std::int32_t>(found - layout.repeats.begin());
}

template <class T, class Equal>
bool all_equal(const std::vector<T>& first, const std::vector<T>& second, Equal equal) {
    return std::equal(first.begin(), first.end(), second.begin(), second.end(), equal);
}

bool same_expr(const Expr& first, const Expr& second) {
    return std::tie(first.op, first.a, first.b, first.c) == std::tie(second.op, second.a, second.b, second.c);
}

}  // namespace

std::int32_t climb(const std::vector<Run>& runs, std::int32_t from, std::int64_t up) {
    for (; up > 0; --up) from = runs[at(from)].parent;
    return from;
}

std::vector<Run> runs(const Layout& layout) {
    std::vector<Run> found;
    if (layout.plain()) return found;
    std::set<std::tuple<std::int32_t, std::int32_t, std::int32_t>> seen;
    const auto add = [&](const Run& run) {
        if (seen.insert({run.procedure, run.parent, run.base}).second) found.push_back(run);
    };
    add({0, -1, 0, -1});
    for (std::size_t f = 0; f < found.size(); ++f) {
        for (const Instr& instr : layout.procedures[at(found[f].procedure)].instrs) {
            if (!runs_procedure(instr.kind)) continue;
            const std::int32_t parent = climb(found, static_cast<std::int32_t>(f), instr.up);
            const std::int32_t base = found[at(parent)].base + instr.offset;
            const bool slots = runs_slots(instr.kind);
            add({instr.target, parent, base, slots ? repeat_at(layout, base, instr) : -1});
        }
    }
    return found;
}

bool same_procedure(const Layout& layout, std::int32_t first, std::int32_t second) {
    if (first == second) return true;
    const Procedure &a = layout.procedures[at(first)], &b = layout.procedures[at(second)];
    const auto same_instr = [&](const Instr& x, const Instr& y) {
        const auto fields = [](const Instr& i) {
            return std::tuple{i.kind,       i.dst,        i.up,           i.offset,       i.length,
                              i.min,        i.max,        i.width,        i.inputs.first, i.inputs.count,
                              i.args.first, i.args.count, i.blocks.first, i.blocks.count};
        };
        if (fields(x) != fields(y)) return false;
        const bool calls = runs_procedure(x.kind);
        return calls ? same_procedure(layout, x.target, y.target) : x.target == y.target;
    };
    const auto same_block = [](const Block& x, const Block& y) {
        return std::tie(x.body.first, x.body.count, x.result) ==
               std::tie(y.body.first, y.body.count, y.result);
    };
    return a.inputs == b.inputs && a.params == b.params && a.registers == b.registers && a.lists == b.lists &&
           all_equal(a.exprs, b.exprs, same_expr) && all_equal(a.blocks, b.blocks, same_block) &&
           all_equal(a.instrs, b.instrs, same_instr);
}

}  // namespace cambrian
