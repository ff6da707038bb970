// Cells with one gene an edge, which a template alone says: a gene that chooses what becomes of one value is
// an edge from that value to the sum, or other meeting of values, that takes its result, or to the result
// itself where others read it.
#pragma once

#include <cstdint>
#include <vector>

#include "cambrian/layout.hpp"

namespace cambrian {

struct EdgeCell {
    struct Edge {
        std::int32_t column;
        std::int32_t from, to;  // vertices
    };

    std::int32_t vertices = 0;
    std::vector<Edge> edges;
};

// Cells of two edges or more, outside repeats: each place of the genome once.
std::vector<EdgeCell> edge_cells(const Layout& layout);

// Whether edges of one can stand in the other: they join the same vertices by genes of as many options.
bool exchangeable(const Layout& layout, const EdgeCell& first, const EdgeCell& second);

}  // namespace cambrian
