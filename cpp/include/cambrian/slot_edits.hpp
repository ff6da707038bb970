// Every small change to the slots of a genome.
#pragma once

#include <cstdint>
#include <vector>

#include "cambrian/layout.hpp"

namespace cambrian {

// Genomes in which one slot of a repeat that takes part is deleted, copied (the copy follows it), or has
// changed places with the next one, where the repeat's limits allow that; row after row, in normal form, some
// of them maybe equal. References and masks keep naming the slots that they named.
std::vector<std::uint8_t> slot_edits(const Layout& layout, const std::uint8_t* genome);
std::vector<std::uint16_t> slot_edits(const Layout& layout, const std::uint16_t* genome);

}  // namespace cambrian
