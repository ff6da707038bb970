#include <stdexcept>
#include <string>

#include "validate.hpp"

namespace cambrian {
namespace {

constexpr int kMaxRepeatDepth = 16;

struct Owner {
    std::int32_t repeat = -1;
    std::int32_t slot = -1;
    bool operator==(const Owner&) const = default;
};

std::size_t at(std::int64_t index) {
    return static_cast<std::size_t>(index);
}

[[noreturn]] void fail(const std::string& what) {
    throw std::invalid_argument("layout: " + what);
}

std::string column_name(std::int64_t column) {
    return "column " + std::to_string(column);
}
std::string repeat_name(std::size_t repeat) {
    return "repeat " + std::to_string(repeat);
}

int depth_of(const Layout& layout, std::int32_t repeat) {
    int depth = 0;
    for (; repeat >= 0; repeat = layout.repeats[at(repeat)].parent) {
        if (++depth > kMaxRepeatDepth)
            fail("repeats are nested deeper than " + std::to_string(kMaxRepeatDepth));
    }
    return depth;
}

void check_parent(const Layout& layout, std::size_t r) {
    const Repeat& repeat = layout.repeats[r];
    if ((repeat.parent < 0) != (repeat.parent_slot < 0)) {
        fail(repeat_name(r) + " must have both a parent and a slot of it, or neither");
    }
    if (repeat.parent >= 0 && repeat.parent_slot >= layout.repeats[at(repeat.parent)].max) {
        fail(repeat_name(r) + " lies in slot " + std::to_string(repeat.parent_slot) + " of a parent with " +
             std::to_string(layout.repeats[at(repeat.parent)].max));
    }
    depth_of(layout, repeat.parent);
}

// Gives every column the innermost slot that holds it. A slot may only take columns of its own parent's slot.
std::vector<Owner> owners(const Layout& layout) {
    std::vector<Owner> owner(layout.columns.size());
    for (std::size_t r = 0; r < layout.repeats.size(); ++r) {
        check_parent(layout, r);
        const Repeat& repeat = layout.repeats[r];
        const Owner parent{repeat.parent, repeat.parent_slot};
        for (std::int64_t i = 0; i < std::int64_t{repeat.max} * repeat.width; ++i) {
            Owner& column = owner[at(repeat.first + i)];
            if (column != parent) fail(repeat_name(r) + " overlaps another or leaves its parent's slot");
            column = {static_cast<std::int32_t>(r), static_cast<std::int32_t>(i / repeat.width)};
        }
    }
    return owner;
}

void check_lengths(const Layout& layout) {
    std::vector<std::uint8_t> used(layout.columns.size(), 0);
    for (std::size_t r = 0; r < layout.repeats.size(); ++r) {
        const Repeat& repeat = layout.repeats[r];
        if ((repeat.length_column < 0) != (repeat.min == repeat.max)) {
            fail(repeat_name(r) + " needs a length column where min and max differ, and only there");
        }
        if (repeat.length_column < 0) continue;
        const Column& column = layout.columns[at(repeat.length_column)];
        if (column.kind != GeneKind::kLength || column.options != repeat.max - repeat.min + 1 ||
            column.repeat != repeat.parent || column.slot != repeat.parent_slot ||
            used[at(repeat.length_column)]++ != 0) {
            fail(column_name(repeat.length_column) + " is not a length gene of " + repeat_name(r));
        }
    }
    for (std::size_t c = 0; c < layout.columns.size(); ++c) {
        if (layout.columns[c].kind == GeneKind::kLength && used[c] == 0) {
            fail(column_name(static_cast<std::int64_t>(c)) + " is a length gene of no repeat");
        }
    }
}

void check_column(const Layout& layout, std::size_t c, const Owner& owner) {
    const Column& column = layout.columns[c];
    const std::string name = column_name(static_cast<std::int64_t>(c));
    if (column.repeat != owner.repeat || column.slot != owner.slot) {
        fail(name + " says slot " + std::to_string(column.slot) + " of repeat " +
             std::to_string(column.repeat) + ", the repeats say slot " + std::to_string(owner.slot) +
             " of repeat " + std::to_string(owner.repeat));
    }
    const bool reference = column.kind == GeneKind::kReference;
    const bool points = reference || column.kind == GeneKind::kMask;
    if (points != (column.inputs > 0) || (reference && column.repeat < 0)) {
        fail(name + ": a reference lives in a slot, it and a mask have at least one input, other genes none");
    }
    if (column.optional && !reference) fail(name + ": only a reference can be optional");
}

// Activity is decided in one pass over the order: what a column asks must be known when its turn comes.
void check_order(const Layout& layout) {
    std::vector<std::uint8_t> known(layout.columns.size(), 0);
    for (const std::int32_t c : layout.order) {
        const Column& column = layout.columns[at(c)];
        if (known[at(c)] != 0) fail("the order holds " + column_name(c) + " twice");
        for (const auto& condition : column.conditions) {
            if (known[at(condition.column)] == 0)
                fail("the order has " + column_name(c) + " before its condition");
        }
        for (std::int32_t r = column.repeat; r >= 0; r = layout.repeats[at(r)].parent) {
            const std::int32_t length = layout.repeats[at(r)].length_column;
            if (length >= 0 && known[at(length)] == 0) {
                fail("the order has " + column_name(c) + " before the length of its repeat");
            }
        }
        known[at(c)] = 1;
    }
}

}  // namespace

void validate_columns(const Layout& layout) {
    const std::vector<Owner> owner = owners(layout);
    for (std::size_t c = 0; c < layout.columns.size(); ++c) check_column(layout, c, owner[c]);
    check_lengths(layout);
    check_order(layout);
}

}  // namespace cambrian
