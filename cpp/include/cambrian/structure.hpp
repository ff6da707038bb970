// Structural mutation: slots are inserted, deleted, copied, moved, split or merged, or a reference rewired.
#pragma once

#include <array>

namespace cambrian {

// With probability `rate` one change is made to one of the repeats that take part, by weight among those that
// are possible there. References keep naming the slot they named, wherever it went. One whose slot was
// deleted names the slot before that; one that can't reach its slot any more (it now comes later, or too far
// back) the nearest that it can. Genomes without an active repeat stay as they are.
// kSplice inserts a fresh slot in the middle of an edge, which is a reference or a slot's reading of the one
// before; kBypass deletes a slot, and what named it names what it named by the same gene.
struct StructuralMutation {
    enum Change {
        kInsert,
        kDelete,
        kDuplicate,
        kMove,
        kRewire,
        kSwap,
        kSplit,
        kMerge,
        kSplice,
        kBypass,
        kChanges
    };
    double rate;
    std::array<double, kChanges> weights;
};

}  // namespace cambrian
