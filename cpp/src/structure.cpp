#include "cambrian/structure.hpp"

#include <algorithm>
#include <numeric>

#include "cambrian/activity.hpp"
#include "cambrian/mutation.hpp"

namespace cambrian {
namespace {

std::size_t at(std::int32_t index) {
    return static_cast<std::size_t>(index);
}

std::int32_t draw(Stream& stream, std::int32_t bound) {
    return static_cast<std::int32_t>(stream.below(static_cast<std::uint32_t>(bound)));
}

}  // namespace

Structure::Structure(const Layout& layout, const StructuralMutation& mutation)
    : layout_(layout), rate_(mutation.rate), references_(layout.repeats.size()) {
    const double most = *std::max_element(mutation.weights.begin(), mutation.weights.end());
    for (std::size_t i = 0; i < weights_.size(); ++i) {
        weights_[i] =
            most > 0.0 ? static_cast<std::uint32_t>(mutation.weights[i] / most * 16777216.0 + 0.5) : 0;
    }
    for (std::size_t c = 0; c < layout.width(); ++c) {
        const Column& column = layout.columns[c];
        if (column.kind != GeneKind::kReference || column.slot != 0) continue;
        const std::int32_t offset = static_cast<std::int32_t>(c) - layout.repeats[at(column.repeat)].first;
        const std::int32_t reach = column.options - (column.optional ? 1 : 0);
        if (reach > 0)
            references_[at(column.repeat)].push_back({offset, reach, column.inputs, column.optional});
    }
}

// A repeat of fixed length has no length gene; it takes part if anything in its first slot does.
template <class T>
bool Structure::is_active(std::size_t r, const Scratch<T>& scratch) const {
    const Repeat& repeat = layout_.repeats[r];
    if (repeat.length_column >= 0) return scratch.active[at(repeat.length_column)] != 0;
    const auto first = scratch.active.begin() + repeat.first;
    return std::find(first, first + repeat.width, 1) != first + repeat.width;
}

// A uniform choice among the repeats that take part, in one pass; length -1 if there are none.
template <class T>
Structure::Place Structure::pick_place(const T* genome, Stream& stream, Scratch<T>& scratch) const {
    normalise(layout_, genome, scratch.normal.data(), scratch.active.data());
    scratch.genes.clear();
    for (std::uint32_t r = 0; r < layout_.repeats.size(); ++r) {
        if (is_active(r, scratch)) scratch.genes.push_back(r);
    }
    if (scratch.genes.empty()) return {0, -1};
    const std::size_t repeat = scratch.genes[stream.below(static_cast<std::uint32_t>(scratch.genes.size()))];
    return {repeat, slots_of(layout_.repeats[repeat], scratch.normal.data())};
}

// One of the changes that are possible there, by weight; kChanges if none is. Leaves in scratch.genes the
// references that can be rewired.
template <class T>
Structure::Change Structure::pick_change(const Place& place, Stream& stream, Scratch<T>& scratch) const {
    const Repeat& repeat = layout_.repeats[place.repeat];
    scratch.genes.clear();
    for (std::int32_t s = 0; s < place.length; ++s) {
        for (const Reference& reference : references_[place.repeat]) {
            const std::size_t column = at(repeat.first + s * repeat.width + reference.offset);
            if (scratch.active[column] == 0 || layout_.columns[column].options < 2) continue;
            scratch.genes.push_back(static_cast<std::uint32_t>(column));
        }
    }
    const bool room = place.length < repeat.max;
    const std::array<bool, StructuralMutation::kChanges> possible = {
        room, place.length > repeat.min, room && place.length > 0, place.length > 1, !scratch.genes.empty()};
    std::uint32_t total = 0;
    for (std::size_t i = 0; i < possible.size(); ++i) total += possible[i] ? weights_[i] : 0;
    if (total == 0) return StructuralMutation::kChanges;
    std::uint32_t pick = stream.below(total);
    std::size_t change = 0;
    for (; !possible[change] || pick >= weights_[change]; ++change)
        pick -= possible[change] ? weights_[change] : 0;
    return static_cast<Change>(change);
}

// Which old slot becomes slot j (source[j]; -1: a fresh one), and where old slot s goes (position[s]).
template <class T>
void Structure::plan(const Place& place, Change change, Stream& stream, Scratch<T>& scratch) const {
    auto& source = scratch.source;
    auto& position = scratch.position;
    source.resize(at(place.length));
    std::iota(source.begin(), source.end(), 0);
    const std::int32_t slot = draw(stream, place.length + (change == StructuralMutation::kInsert ? 1 : 0));
    if (change == StructuralMutation::kInsert) source.insert(source.begin() + slot, -1);
    if (change == StructuralMutation::kDuplicate) source.insert(source.begin() + slot + 1, slot);
    if (change == StructuralMutation::kDelete || change == StructuralMutation::kMove) {
        source.erase(source.begin() + slot);
    }
    if (change == StructuralMutation::kMove) {
        std::int32_t to = draw(stream, place.length - 1);
        to += to >= slot ? 1 : 0;
        source.insert(source.begin() + to, slot);
    }
    position.assign(at(place.length), slot - 1);  // what a deleted slot's references fall back to
    for (std::size_t j = source.size(); j-- > 0;) {
        if (source[j] >= 0) position[at(source[j])] = static_cast<std::int32_t>(j);
    }
}

template <class T>
void Structure::rebuild(const Place& place, T* genome, Stream& stream, Scratch<T>& scratch) const {
    const Repeat& repeat = layout_.repeats[place.repeat];
    T* slots = genome + repeat.first;
    scratch.slots.assign(slots, slots + place.length * repeat.width);
    for (std::int32_t j = 0; j < static_cast<std::int32_t>(scratch.source.size()); ++j) {
        const std::int32_t from = scratch.source[at(j)];
        for (std::int32_t i = 0; i < repeat.width; ++i) {
            const std::int32_t options = layout_.columns[at(repeat.first + j * repeat.width + i)].options;
            T& gene = slots[j * repeat.width + i];
            gene = from < 0
                       ? static_cast<T>(draw(stream, options))
                       : std::min(scratch.slots[at(from * repeat.width + i)], static_cast<T>(options - 1));
        }
        if (from < 0) continue;
        for (const Reference& reference : references_[place.repeat])
            keep_target(place, reference, j, genome, scratch);
    }
    if (repeat.length_column >= 0) {
        genome[repeat.length_column] =
            static_cast<T>(static_cast<std::int32_t>(scratch.source.size()) - repeat.min);
    }
}

template <class T>
void Structure::keep_target(const Place& place, const Reference& reference, std::int32_t slot, T* genome,
                            const Scratch<T>& scratch) const {
    const Repeat& repeat = layout_.repeats[place.repeat];
    const std::int32_t from = scratch.source[at(slot)];
    const std::int32_t old = scratch.slots[at(from * repeat.width + reference.offset)];
    if (reference.optional && old == 0) return;
    const std::int32_t zero = reference.optional ? 0 : 1;  // distance that option 0 stands for
    std::int32_t target = std::max(from - (old + zero), -reference.inputs);
    if (target >= 0) target = scratch.position[at(target)];
    const std::int32_t distance = std::clamp(slot - target, 1, reference.reach);
    const std::size_t column = at(repeat.first + slot * repeat.width + reference.offset);
    genome[column] = static_cast<T>(std::min(distance - zero, layout_.columns[column].options - 1));
}

template <class T>
void Structure::rewire(T* genome, Stream& stream, const Scratch<T>& scratch) const {
    const std::uint32_t column =
        scratch.genes[stream.below(static_cast<std::uint32_t>(scratch.genes.size()))];
    std::uint32_t value = stream.below(static_cast<std::uint32_t>(layout_.columns[column].options - 1));
    if (value >= genome[column]) ++value;
    genome[column] = static_cast<T>(value);
}

template <class T>
void Structure::change(T* genome, Stream& stream, Scratch<T>& scratch) const {
    if (layout_.repeats.empty() || !rate_.holds(stream.word())) return;
    const Place place = pick_place(genome, stream, scratch);
    if (place.length < 0) return;
    const Change change = pick_change(place, stream, scratch);
    if (change == StructuralMutation::kChanges) return;
    if (change == StructuralMutation::kRewire) return rewire(genome, stream, scratch);
    plan(place, change, stream, scratch);
    rebuild(place, genome, stream, scratch);
}

namespace {

template <class T>
class StructuralMutator final : public Mutator<T> {
  public:
    StructuralMutator(const Layout& layout, const StructuralMutation& mutation)
        : structure_(layout, mutation) {}

    void mutate(const Brood& brood, T* children, Scratch<T>& scratch) const override {
        const Streams streams = brood.streams();
        for (const std::size_t row : brood.rows) {
            Stream stream = streams[row];
            structure_.change(children + row * scratch.normal.size(), stream, scratch);
        }
    }

  private:
    Structure structure_;
};

}  // namespace

template <class T>
std::unique_ptr<Mutator<T>> make_structural_mutator(const Layout& layout,
                                                    const StructuralMutation& mutation) {
    return std::make_unique<StructuralMutator<T>>(layout, mutation);
}

template std::unique_ptr<Mutator<std::uint8_t>> make_structural_mutator(const Layout&,
                                                                        const StructuralMutation&);
template std::unique_ptr<Mutator<std::uint16_t>> make_structural_mutator(const Layout&,
                                                                         const StructuralMutation&);

}  // namespace cambrian
