// Which columns stay together in a crossover.
#pragma once

#include <cstdint>
#include <vector>

#include "cambrian/crossover.hpp"

namespace cambrian {

// Unit u is columns borders[u] … borders[u + 1] - 1.
std::vector<std::uint32_t> unit_borders(const Layout& layout, By by);

}  // namespace cambrian
