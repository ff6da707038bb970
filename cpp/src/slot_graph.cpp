#include "slot_graph.hpp"

#include <algorithm>
#include <unordered_set>

#include "frames.hpp"

namespace cambrian {
namespace {

std::size_t at(std::int64_t index) {
    return static_cast<std::size_t>(index);
}

// Outermost, and nothing may switch it off.
bool is_always_active(const Layout& layout, const Repeat& repeat) {
    if (repeat.parent >= 0) return false;
    if (repeat.length_column >= 0) return layout.columns[at(repeat.length_column)].conditions.empty();
    const auto first = layout.columns.begin() + repeat.first;
    return std::any_of(first, first + repeat.width,
                       [](const Column& column) { return column.conditions.empty(); });
}

// Whether the value that comes first, which for a slot is the slot before it, is used at all.
bool reads_first(const Procedure& procedure) {
    const auto uses = [](std::int32_t reg) { return reg == 0; };
    return std::any_of(procedure.blocks.begin(), procedure.blocks.end(),
                       [](const Block& block) { return block.result == 0; }) ||
           std::any_of(procedure.instrs.begin(), procedure.instrs.end(), [&](const Instr& instr) {
               const auto inputs = procedure.list(instr.inputs);
               return std::any_of(inputs.begin(), inputs.end(), uses);
           });
}

bool same_gene(const Column& first, const Column& second) {
    return first.kind == second.kind && first.options == second.options && first.inputs == second.inputs &&
           first.optional == second.optional && first.conditions.size() == second.conditions.size();
}

}  // namespace

SlotGraph::SlotGraph(const Layout& layout, const Repeat& repeat, std::int32_t procedure)
    : shape_(layout, repeat),
      procedure_(procedure),
      always_active_(is_always_active(layout, repeat)),
      chained_(procedure < 0 || reads_first(layout.procedures[at(procedure)])) {
    for (std::int32_t s = 0; s < repeat.max; ++s) {
        const std::int32_t start = repeat.first + s * repeat.width;
        for (const SlotReference& reference : shape_.references)
            when_.push_back(tests_of(layout, start + reference.offset));
        for (const SlotMask& mask : shape_.masks) when_.push_back(tests_of(layout, start + mask.offset));
    }
    for (const SlotMask& mask : shape_.ends) end_when_.push_back(tests_of(layout, mask.offset));
    for (const Mask& mask : layout.masks) {
        const auto is = [&](const SlotMask& other, std::int32_t start) {
            return start + other.offset == mask.column;
        };
        for (const SlotMask& other : shape_.masks) {
            if (is(other, repeat.first)) flips_.emplace_back(layout, mask);
        }
        for (const SlotMask& other : shape_.ends) {
            if (is(other, 0)) end_flips_.emplace_back(layout, mask);
        }
    }
}

// Its conditions, and those of the genes that they ask.
SlotGraph::Tests SlotGraph::tests_of(const Layout& layout, std::int32_t column) {
    const std::size_t first = tests_.size();
    std::unordered_set<const std::uint8_t*> known;
    for (std::size_t next = first;; ++next) {
        for (const Condition& condition : layout.columns[at(column)].conditions) {
            if (known.insert(condition.allowed.data()).second)
                tests_.push_back({condition.column, condition.allowed.data()});
        }
        if (next == tests_.size()) break;
        column = tests_[next].column;
    }
    return {static_cast<std::int32_t>(first), static_cast<std::int32_t>(tests_.size() - first)};
}

template <class T>
void SlotGraph::read(const T* genome, std::int32_t length, std::int32_t around, SlotWindow& window) const {
    window.first = std::clamp(around - kWindow / 2, 0, std::max(length - kWindow, 0));
    window.count = std::min(length, kWindow);
    const auto references = static_cast<std::int32_t>(shape_.references.size());
    const T* slot = shape_.slot(genome, window.first);
    const auto masks = static_cast<std::int32_t>(shape_.masks.size());
    const Tests* when = when_.data() + at(window.first) * ports();
    for (std::int32_t s = 0; s < window.count; ++s, slot += shape_.repeat.width, when += ports()) {
        window.joined[s] = 0;
        const auto join = [&](std::int32_t other) {
            if (other < 0) return;
            window.joined[s] |= std::uint64_t{1} << other;
            window.joined[other] |= std::uint64_t{1} << s;
        };
        if (chained_) join(s - 1);
        for (std::int32_t r = 0; r < references; ++r) {
            const SlotReference& reference = shape_.references[at(r)];
            const std::int32_t distance = slot[reference.offset] + reference.zero;
            if (distance > 0 && active(genome, when[r])) join(s - distance);
        }
        for (std::int32_t m = 0; m < masks; ++m) {
            std::uint32_t left = slot[shape_.masks[at(m)].offset];
            if (!active(genome, when[references + m])) continue;
            for (; left != 0; left &= left - 1) join(s - std::countr_zero(left) - 1);
        }
    }
}

template void SlotGraph::read(const std::uint8_t*, std::int32_t, std::int32_t, SlotWindow&) const;
template void SlotGraph::read(const std::uint16_t*, std::int32_t, std::int32_t, SlotWindow&) const;

std::vector<SlotGraph> slot_graphs(const Layout& layout) {
    std::vector<std::int32_t> procedures(layout.repeats.size(), -1);
    for (const Run& run : runs(layout)) {
        if (run.repeat >= 0) procedures[at(run.repeat)] = run.procedure;
    }
    std::vector<SlotGraph> graphs;
    for (std::size_t r = 0; r < layout.repeats.size(); ++r)
        graphs.emplace_back(layout, layout.repeats[r], procedures[r]);
    return graphs;
}

bool exchangeable(const Layout& layout, const SlotGraph& first, const SlotGraph& second) {
    const Repeat &a = first.shape().repeat, &b = second.shape().repeat;
    if (&first == &second) return true;
    if (a.width != b.width || !first.shape().alike || !second.shape().alike) return false;
    for (std::int32_t i = 0; i < a.width; ++i) {
        if (!same_gene(layout.columns[at(a.first + i)], layout.columns[at(b.first + i)])) return false;
    }
    if (first.procedure() >= 0 && second.procedure() >= 0)
        return same_procedure(layout, first.procedure(), second.procedure());
    // Of a space without templates: the same repeat in different slots of another.
    if (layout.plain() && a.parent >= 0 && a.parent == b.parent) {
        const Repeat& parent = layout.repeats[at(a.parent)];
        return (a.first - b.first) == (a.parent_slot - b.parent_slot) * parent.width;
    }
    return false;
}

}  // namespace cambrian
