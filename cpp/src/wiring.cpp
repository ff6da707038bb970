#include "cambrian/wiring.hpp"

#include <algorithm>
#include <bit>

#include "cambrian/activity.hpp"

namespace cambrian {
namespace {

std::size_t at(std::int32_t index) {
    return static_cast<std::size_t>(index);
}

std::uint32_t low_bits(std::int32_t count) {
    return (std::uint32_t{1} << std::min(count, kMaxMaskBits)) - 1;
}

void note(std::vector<Repair>* repairs, Rule rule, const Mask& mask, std::uint32_t from, std::uint32_t to) {
    if (repairs != nullptr && from != to) repairs->push_back({rule, mask.column, from, to});
}

}  // namespace

Wiring::Wiring(const Layout& layout) {
    std::vector<std::int32_t> place(layout.repeats.size(), -1);
    for (const Mask& mask : layout.masks) {
        const Column& column = layout.columns[at(mask.column)];
        std::int32_t& number = place[at(mask.repeat)];
        if (number < 0) {
            number = static_cast<std::int32_t>(places_.size());
            places_.push_back({layout.repeats[at(mask.repeat)], column.inputs, {}});
        }
        const bool inside = column.repeat == mask.repeat;
        const auto bits =
            static_cast<std::int32_t>(std::bit_width(static_cast<std::uint32_t>(column.options)));
        places_[at(number)].items.push_back({mask, bits - 1, inside ? column.slot : -1});
    }
    for (Place& each : places_) {
        std::stable_sort(each.items.begin(), each.items.end(), [](const Item& a, const Item& b) {
            return static_cast<std::uint32_t>(a.slot) < static_cast<std::uint32_t>(b.slot);
        });
    }
}

void Wiring::repair(std::uint16_t* normal, const std::uint8_t* active, std::vector<Repair>* repairs) const {
    for (const Place& place : places_) {
        const std::int32_t count = slots_of(place.repeat, normal);
        bool loose = false;
        for (const Item& item : place.items) {
            if (active[item.mask.column] == 0) continue;
            const std::int32_t position = item.slot < 0 ? count : item.slot;
            fit(item, std::min(position + place.inputs, item.bits), normal[item.mask.column], repairs);
            loose = loose || item.mask.loose;
        }
        if (loose) join_loose(place, count, normal, active, repairs);
        if (place.repeat.edges > 0) limit(place, count, normal, repairs);
    }
}

void Wiring::fit(const Item& item, std::int32_t reach, std::uint16_t& value, std::vector<Repair>* repairs) {
    const std::uint32_t within = value & low_bits(reach);
    std::uint32_t fitted = within;
    for (std::int32_t over = std::popcount(within) - item.mask.most; over > 0; --over)
        fitted &= ~std::bit_floor(fitted);
    note(repairs, Rule::kDrop, item.mask, within, fitted);
    const std::uint32_t before = fitted;
    while (std::popcount(fitted) < std::min(item.mask.least, reach)) fitted |= fitted + 1;
    note(repairs, Rule::kConnect, item.mask, before, fitted);
    value = static_cast<std::uint16_t>(fitted);
}

void Wiring::join_loose(const Place& place, std::int32_t count, std::uint16_t* normal,
                        const std::uint8_t* active, std::vector<Repair>* repairs) {
    std::vector<bool> named(at(count), false);
    for (const Item& item : place.items) {
        const std::int32_t position = item.slot < 0 ? count : item.slot;
        for (std::uint32_t left = normal[item.mask.column]; left != 0; left &= left - 1) {
            const std::int32_t target = position - 1 - std::countr_zero(left);
            if (target >= 0) named[at(target)] = true;
        }
    }
    for (const Item& item : place.items) {
        if (!item.mask.loose || active[item.mask.column] == 0) continue;
        std::uint32_t joined = normal[item.mask.column];
        for (std::int32_t bit = 0; bit < std::min(item.bits, count); ++bit) {
            if (!named[at(count - 1 - bit)]) joined |= std::uint32_t{1} << bit;
        }
        note(repairs, Rule::kConnect, item.mask, normal[item.mask.column], joined);
        normal[item.mask.column] = static_cast<std::uint16_t>(joined);
    }
}

void Wiring::limit(const Place& place, std::int32_t count, std::uint16_t* normal,
                   std::vector<Repair>* repairs) {
    Rows rows{};
    const auto row = [&](const Item& item) { return at(item.slot < 0 ? count : item.slot); };
    // Masks of slots that are not in use are 0 in a normal form.
    for (const Item& item : place.items) {
        if (item.slot < count) rows[row(item)] = normal[item.mask.column];
    }
    prune(rows, count);
    const Rows pruned = rows;
    const auto edges = [&] {
        std::int32_t sum = 0;
        for (std::int32_t s = 0; s <= count; ++s) sum += std::popcount(rows[at(s)]);
        return sum;
    };
    while (edges() > place.repeat.edges) drop_longest(rows, count);
    for (const Item& item : place.items) {
        if (item.slot >= count) continue;
        note(repairs, Rule::kDrop, item.mask, pruned[row(item)], rows[row(item)]);
        normal[item.mask.column] = static_cast<std::uint16_t>(rows[row(item)]);
    }
}

void Wiring::prune(Rows& rows, std::int32_t count) {
    std::uint64_t reached = 0, used = std::uint64_t{1} << count;
    for (std::int32_t s = 0; s <= count; ++s) {
        std::uint32_t& edges = rows[at(s)];
        for (std::uint32_t left = edges; left != 0; left &= left - 1) {
            const std::int32_t source = s - 1 - std::countr_zero(left);
            if (source >= 0 && (reached >> source & 1) == 0) edges &= ~(left & (0 - left));
        }
        if (edges != 0) reached |= std::uint64_t{1} << s;
    }
    for (std::int32_t s = count; s >= 0; --s) {
        if ((used >> s & 1) == 0) rows[at(s)] = 0;
        for (std::uint32_t left = rows[at(s)]; left != 0; left &= left - 1) {
            const std::int32_t source = s - 1 - std::countr_zero(left);
            if (source >= 0) used |= std::uint64_t{1} << source;
        }
    }
}

// All slots with edges lie on a path from an input to the end.
void Wiring::drop_longest(Rows& rows, std::int32_t count) {
    std::array<std::int32_t, kMaxWired + 1> uses{};
    for (std::int32_t s = 0; s <= count; ++s) {
        for (std::uint32_t left = rows[at(s)]; left != 0; left &= left - 1) {
            const std::int32_t source = s - 1 - std::countr_zero(left);
            if (source >= 0) ++uses[at(source)];
        }
    }
    Rows kept{};  // of the path of shortest edges
    for (std::int32_t s = count; s >= 0; s -= 1 + std::countr_zero(kept[at(s)]))
        kept[at(s)] = rows[at(s)] & (0 - rows[at(s)]);
    std::int32_t best = -1, from = 0;
    std::uint32_t dropped = 0;
    for (std::int32_t s = count; s >= 0; --s) {
        for (std::uint32_t left = rows[at(s)]; left != 0; left &= left - 1) {
            const std::uint32_t edge = left & (0 - left);
            const std::int32_t bit = std::countr_zero(left), source = s - 1 - bit;
            const bool spare = std::popcount(rows[at(s)]) > 1 && (source < 0 || uses[at(source)] > 1);
            if (!spare && edge == kept[at(s)]) continue;
            const std::int32_t worth = bit + (spare ? kMaxMaskBits : 0);
            if (worth <= best) continue;
            best = worth;
            from = s;
            dropped = edge;
        }
    }
    rows[at(from)] &= ~dropped;
    prune(rows, count);
}

}  // namespace cambrian
