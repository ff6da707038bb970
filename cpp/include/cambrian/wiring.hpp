// Repairs of masks: what a genome's masks name once everything that can't be is put right.
//
// The rules, in this order, for every repeat that masks name:
//   1. Bits that reach before the first input name nothing and fall away, silently.
//   2. drop: of more bits than a mask may hold the farthest go.
//   3. connect: of fewer bits than it must hold the nearest free ones are set.
//   4. connect: a loose mask takes every slot that no other mask names.
// and where the repeat limits its edges:
//   5. Slots on no path from an input to the mask beside the repeat lose their edges, silently.
//   6. drop: while there are too many edges, the longest goes of those that leave every slot connected; else
//      the longest that is not on the path of shortest edges. Of equals that of the latest slot. Then rule 5.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "cambrian/graph.hpp"
#include "cambrian/layout.hpp"

namespace cambrian {

inline constexpr std::int32_t kMaxWired = 32;  // slots of a repeat that limits its edges

class Wiring {
  public:
    explicit Wiring(const Layout& layout);

    bool empty() const { return places_.empty(); }
    // Puts the masks of a genome's normal form right. `active` is one flag a column; `repairs` may be null.
    void repair(std::uint16_t* normal, const std::uint8_t* active, std::vector<Repair>* repairs) const;

  private:
    struct Item {
        Mask mask;
        std::int32_t bits;
        std::int32_t slot;  // -1: beside the repeat
    };
    struct Place {
        Repeat repeat;
        std::int32_t inputs;
        std::vector<Item> items;  // by slot, those beside the repeat last
    };
    using Rows = std::array<std::uint32_t, kMaxWired + 1>;  // edges into each slot in use, and the end

    static void fit(const Item& item, std::int32_t reach, std::uint16_t& value, std::vector<Repair>* repairs);
    static void join_loose(const Place& place, std::int32_t count, std::uint16_t* normal,
                           const std::uint8_t* active, std::vector<Repair>* repairs);
    static void limit(const Place& place, std::int32_t count, std::uint16_t* normal,
                      std::vector<Repair>* repairs);
    static void prune(Rows& rows, std::int32_t count);
    static void drop_longest(Rows& rows, std::int32_t count);

    std::vector<Place> places_;
};

}  // namespace cambrian
