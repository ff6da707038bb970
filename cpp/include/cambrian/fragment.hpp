// A piece of a network between one value and another, added up so that it can stand for all its nodes.
#pragma once

#include <array>
#include <cstdint>

#include "cambrian/modular.hpp"

namespace cambrian {

// What a set of nodes costs; sums but for the last.
struct Costs {
    std::int64_t params = 0, macs = 0;
    std::int64_t normalisation = 0, activation = 0, pooling = 0, other = 0;  // element operations
    std::int32_t kernels = 0;
    std::int32_t depth = 0;  // of the longest path
};

// What training keeps of a set of nodes for the backward pass, and of what they read.
struct Kept {
    std::int64_t bytes = 0;  // a sample, of nodes inside
    std::int64_t once = 0;   // whatever the batch
    bool input = false, output = false;
    bool gradient = false;  // the output depends on parameters
};

// A network with one input and one output, of which nothing inside is read from outside: the same wherever it
// stands. Numbers of nodes count from the input, which is 0.
struct Fragment {
    // A place of a node that the input fills.
    struct Edge {
        std::int32_t node;
        std::uint32_t place;
    };
    static constexpr std::size_t kMaxEdges = 4;

    std::uint64_t key = 0;    // of the output relative to the input
    Lanes sum;                // of labels and edges, but for those of the input
    std::int32_t size = 0;    // nodes; the output is the last
    std::int32_t levels = 0;  // nodes that dominate the output, and itself
    bool tree = false;        // every node, and the input, is read once
    std::int16_t n_edges = 0;
    std::array<Edge, kMaxEdges> edges{};
    std::int64_t rise = 0;       // most bytes alive beside those at its start, if the input is read later too
    std::int64_t rise_last = 0;  // if it is not
    Costs costs;
    std::array<Kept, 2> kept;  // [1]: if the input depends on parameters
};
static_assert(sizeof(Fragment) == 192, "three cache lines");

}  // namespace cambrian
