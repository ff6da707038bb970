#include "cambrian/structure.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "cambrian/activity.hpp"
#include "cambrian/limit.hpp"
#include "cambrian/mutation.hpp"
#include "slot_changes.hpp"
#include "slot_graph.hpp"

namespace cambrian {
namespace {

using Change = StructuralMutation::Change;
constexpr std::size_t kChanges = StructuralMutation::kChanges;

std::size_t at(std::int32_t index) {
    return static_cast<std::size_t>(index);
}

// One repeat, and what is asked about it for each genome.
struct Place {
    SlotGraph graph;
    std::vector<Bound> bounds;            // options of the columns of a slot
    std::vector<std::int32_t> rewirable;  // offsets of references of two options or more
    bool rewired_freely = true;           // these are active in every slot

    Place(const Layout& layout, SlotGraph slots) : graph(std::move(slots)) {
        const Repeat& repeat = shape().repeat;
        for (std::int32_t i = 0; i < repeat.width; ++i)
            bounds.emplace_back(static_cast<std::uint32_t>(layout.columns[at(repeat.first + i)].options));
        for (const SlotReference& reference : shape().references) {
            if (bounds[at(reference.offset)].bound > 1) rewirable.push_back(reference.offset);
            for (std::int32_t s = 0; s < repeat.max; ++s) {
                const std::int32_t column = repeat.first + s * repeat.width + reference.offset;
                rewired_freely = rewired_freely && layout.columns[at(column)].conditions.empty();
            }
        }
        rewired_freely = rewired_freely && shape().alike && shape().masks.empty() && shape().ends.empty();
    }

    const SlotShape& shape() const { return graph.shape(); }
};

template <class T>
class StructuralMutator final : public Mutator<T> {
  public:
    StructuralMutator(const Layout& layout, const StructuralMutation& mutation)
        : layout_(layout), limit_(layout), rate_(mutation.rate) {
        const double most = *std::max_element(mutation.weights.begin(), mutation.weights.end());
        for (std::size_t i = 0; i < kChanges; ++i) {
            const double weight = most > 0.0 ? mutation.weights[i] / most : 0.0;
            weights_[i] = static_cast<std::uint32_t>(weight * 16777216.0 + 0.5);
        }
        for (SlotGraph& graph : slot_graphs(layout)) {
            places_.emplace_back(layout, std::move(graph));
            settled_ = settled_ && places_.back().graph.always_active() && places_.back().rewired_freely;
        }
    }

    // The words are those of the block, of one child after the other.
    void mutate(const Brood& brood, T* children, Scratch<T>& scratch) const override {
        if (places_.empty()) return;
        Words words(brood.source, brood.purpose, brood.first);
        for (const std::size_t row : brood.rows) {
            if (rate_.holds(words.word())) change(children + row * layout_.width(), words, scratch);
        }
    }

  private:
    // A uniform choice among the repeats that take part; none if there are none.
    const Place* pick_place(const T* genome, Words& words, Scratch<T>& scratch) const {
        if (settled_) return &places_[words.below(static_cast<std::uint32_t>(places_.size()))];
        normalise(layout_, genome, scratch.normal.data(), scratch.active.data());
        scratch.genes.clear();
        for (std::uint32_t r = 0; r < places_.size(); ++r) {
            if (takes_part(layout_.repeats[r], scratch.active.data())) scratch.genes.push_back(r);
        }
        if (scratch.genes.empty()) return nullptr;
        return &places_[scratch.genes[words.below(static_cast<std::uint32_t>(scratch.genes.size()))]];
    }

    // How many references can be rewired; where they aren't all, scratch.genes holds their columns.
    std::uint32_t rewirable(const Place& place, std::int32_t length, const T* genome,
                            Scratch<T>& scratch) const {
        if (settled_) return static_cast<std::uint32_t>(at(length) * place.rewirable.size());
        scratch.genes.clear();
        const Repeat& repeat = place.shape().repeat;
        for (std::int32_t s = 0; s < length; ++s) {
            for (const SlotReference& reference : place.shape().references) {
                const std::int32_t column = repeat.first + s * repeat.width + reference.offset;
                if (scratch.active[at(column)] != 0 && layout_.columns[at(column)].options > 1)
                    scratch.genes.push_back(static_cast<std::uint32_t>(column));
            }
            for (std::size_t m = 0; m < place.shape().masks.size(); ++m) {
                const std::int32_t offset = place.shape().masks[m].offset;
                add_free(place.graph.flips()[m], repeat.first + s * repeat.width + offset, s, genome,
                         scratch);
            }
        }
        for (std::size_t e = 0; e < place.shape().ends.size(); ++e)
            add_free(place.graph.end_flips()[e], place.shape().ends[e].offset, length, genome, scratch);
        return static_cast<std::uint32_t>(scratch.genes.size());
    }

    static void add_free(const MaskFlips& flips, std::int32_t column, std::int32_t from, const T* genome,
                         Scratch<T>& scratch) {
        if (scratch.active[at(column)] != 0 && flips.free(genome[column], from))
            scratch.genes.push_back(static_cast<std::uint32_t>(column));
    }

    // One of the changes that are possible there, by weight; kChanges if none is.
    Change pick_change(const Place& place, std::int32_t length, std::uint32_t references,
                       Words& words) const {
        const Repeat& repeat = place.shape().repeat;
        const bool room = length<repeat.max, spare = length> repeat.min;
        const bool some = length > 0, several = length > 1;
        const std::array<bool, kChanges> possible = {room,           spare,   room && some, several,
                                                     references > 0, several, room && some, spare && several,
                                                     room,           spare};
        std::array<std::uint32_t, kChanges> ends;
        std::uint32_t total = 0;
        for (std::size_t i = 0; i < kChanges; ++i) {
            total += possible[i] ? weights_[i] : 0;
            ends[i] = total;
        }
        if (total == 0) return StructuralMutation::kChanges;
        const std::uint32_t pick = words.below(total);
        int change = 0;
        for (const std::uint32_t end : ends) change += pick >= end ? 1 : 0;
        return static_cast<Change>(change);
    }

    void rewire(const Place& place, std::uint32_t references, T* genome, Words& words,
                const Scratch<T>& scratch) const {
        const std::uint32_t pick = words.below(references);
        std::size_t column;
        if (settled_) {
            const auto each = static_cast<std::uint32_t>(place.rewirable.size());
            const Repeat& repeat = place.shape().repeat;
            column = at(repeat.first + static_cast<std::int32_t>(pick / each) * repeat.width +
                        place.rewirable[pick % each]);
        } else {
            column = scratch.genes[pick];
        }
        if (layout_.columns[column].kind == GeneKind::kMask) return flip(place, column, genome, words);
        std::uint32_t value = words.below(static_cast<std::uint32_t>(layout_.columns[column].options - 1));
        if (value >= genome[column]) ++value;
        genome[column] = static_cast<T>(value);
    }

    // One edge of a mask, of a slot or beside the repeat.
    void flip(const Place& place, std::size_t column, T* genome, Words& words) const {
        const SlotShape& shape = place.shape();
        const auto number = static_cast<std::int32_t>(column);
        for (std::size_t e = 0; e < shape.ends.size(); ++e) {
            if (shape.ends[e].offset != number) continue;
            const std::int32_t from = shape.length(genome);
            genome[column] = static_cast<T>(place.graph.end_flips()[e].changed(genome[column], from, words));
            return;
        }
        const std::int32_t slot = (number - shape.repeat.first) / shape.repeat.width;
        const std::int32_t offset = number - shape.repeat.first - slot * shape.repeat.width;
        for (std::size_t m = 0; m < shape.masks.size(); ++m) {
            if (shape.masks[m].offset != offset) continue;
            genome[column] = static_cast<T>(place.graph.flips()[m].changed(genome[column], slot, words));
        }
    }

    void change(T* genome, Words& words, Scratch<T>& scratch) const {
        const Place* place = pick_place(genome, words, scratch);
        if (place == nullptr) return;
        const std::int32_t length = place->shape().length(genome);
        const std::uint32_t references = rewirable(*place, length, genome, scratch);
        const Change change = pick_change(*place, length, references, words);
        SlotChanges<T> slots(place->shape(), place->bounds, genome, length, words, scratch);
        switch (change) {
            case StructuralMutation::kInsert:
                slots.insert();
                break;
            case StructuralMutation::kDelete:
                slots.remove();
                break;
            case StructuralMutation::kDuplicate:
                slots.duplicate();
                break;
            case StructuralMutation::kMove:
                slots.move(scratch.slots);
                break;
            case StructuralMutation::kRewire:
                rewire(*place, references, genome, words, scratch);
                break;
            case StructuralMutation::kSwap:
                slots.swap();
                break;
            case StructuralMutation::kSplit:
                slots.split();
                break;
            case StructuralMutation::kMerge:
                slots.merge();
                break;
            case StructuralMutation::kSplice:
                slots.splice(place->graph);
                break;
            case StructuralMutation::kBypass:
                slots.bypass(place->graph);
                break;
            case StructuralMutation::kChanges:
                break;
        }
        if (!place->shape().alike) limit_.apply(genome, 1);
    }

    const Layout& layout_;
    Limit<T> limit_;
    Chance rate_;
    std::array<std::uint32_t, kChanges> weights_{};
    std::vector<Place> places_;
    bool settled_ = true;  // which repeats and references are active is the same for all genomes
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
