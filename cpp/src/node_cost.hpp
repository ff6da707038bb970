// What one node costs, from itself and the shapes it reads: the only place that knows. How costs add up over
// a network, and what is alive when, is the counter's (resources.cpp).
#pragma once

#include <cstdint>

#include "cambrian/graph.hpp"

namespace cambrian {

// Which values autograd holds on to for the backward pass. Positions are those of the inputs as they were
// given; only nodes whose inputs have an order name one.
enum Keeps : std::uint8_t {
    kKeepsNothing = 0,
    kKeepsFirst = 1,
    kKeepsSecond = 2,
    kKeepsThird = 4,
    kKeepsOutput = 8,
    kKeepsFactors = 16,  // each input if another one takes a gradient: a product
};

// Of one sample, float32, as torch runs the node. Any two nodes of equal operation, attributes and shapes
// cost the same.
struct NodeCost {
    std::int64_t params = 0;  // trainable numbers
    std::int64_t macs = 0;    // multiply-adds of convolutions, linear layers and attention products
    // Element operations, by kind; `other`: sums, products, means, resizes, rotations.
    std::int64_t normalisation = 0;
    std::int64_t activation = 0;
    std::int64_t pooling = 0;
    std::int64_t other = 0;
    // Bytes that training keeps beside inputs and output (indices, masks, statistics). Nothing is kept by a
    // node that has no parameters and reads nothing that depends on some.
    std::int64_t kept = 0;
    std::int64_t kept_once = 0;  // the same, whatever the batch
    std::uint8_t keeps = kKeepsNothing;
    std::uint8_t kernels = 0;  // 1 if the operation runs
    std::uint8_t depth = 0;    // 1 if it is a layer of multiply-adds

    std::int64_t elementwise() const;  // the sum of the four kinds
};

// Of any node but the input. `first` and `second` are the shapes of its first two inputs (of one: give it
// twice). Throws std::invalid_argument where a count leaves 64 bits.
NodeCost node_cost(const Node& node, const Shape& first, const Shape& second);

}  // namespace cambrian
