// Structural mutation: a slot is inserted, deleted, duplicated or moved, or a reference rewired.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cambrian/brood.hpp"
#include "cambrian/layout.hpp"
#include "cambrian/rng.hpp"

namespace cambrian {

// With probability `rate` one change is made to one of the repeats that take part, by weight among those that
// are possible there.
struct StructuralMutation {
    enum Change { kInsert, kDelete, kDuplicate, kMove, kRewire, kChanges };
    double rate;
    std::array<double, kChanges> weights;
};

class Structure {
  public:
    Structure(const Layout& layout, const StructuralMutation& mutation);

    // References keep naming the slot they named, wherever it went. One whose slot was deleted names the slot
    // before that; one that can't reach its slot any more (it now comes later, or too far back) the nearest
    // that it can. Genomes without an active repeat stay as they are.
    template <class T>
    void change(T* genome, Stream& stream, Scratch<T>& scratch) const;

  private:
    using Change = StructuralMutation::Change;

    struct Reference {
        std::int32_t offset;  // column within the slot
        std::int32_t reach;   // the largest distance it can name
        std::int32_t inputs;
        bool optional;
    };

    // One repeat as it stands in a genome.
    struct Place {
        std::size_t repeat;
        std::int32_t length;
    };

    template <class T>
    bool is_active(std::size_t repeat, const Scratch<T>& scratch) const;
    template <class T>
    Place pick_place(const T* genome, Stream& stream, Scratch<T>& scratch) const;
    template <class T>
    Change pick_change(const Place& place, Stream& stream, Scratch<T>& scratch) const;
    template <class T>
    void plan(const Place& place, Change change, Stream& stream, Scratch<T>& scratch) const;
    template <class T>
    void rebuild(const Place& place, T* genome, Stream& stream, Scratch<T>& scratch) const;
    template <class T>
    void keep_target(const Place& place, const Reference& reference, std::int32_t slot, T* genome,
                     const Scratch<T>& scratch) const;
    template <class T>
    void rewire(T* genome, Stream& stream, const Scratch<T>& scratch) const;

    const Layout& layout_;
    Chance rate_;
    std::array<std::uint32_t, StructuralMutation::kChanges> weights_{};
    std::vector<std::vector<Reference>> references_;  // by repeat
};

}  // namespace cambrian
