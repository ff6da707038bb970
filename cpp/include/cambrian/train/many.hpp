// One optimizer step of many networks whose weights lie side by side in one array.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace cambrian::train {

// Consecutive weights of one network.
struct Stretch {
    std::size_t first, count, owner;
    bool decays;
};

struct Rates {
    float lr, decay, momentum;
    bool adamw;  // else Nesterov's
};

// Clips each network's gradient to the norm `clip`, then steps it by its own rates. `owners` has one entry a
// network; stretches lie within the arrays and name one of them. `step` counts from 1. What no stretch
// covers is left alone. Of a network without AdamW `second` is not read.
void step_many(std::span<const Stretch> stretches, std::span<const Rates> owners, float clip,
               std::int64_t step, float* weights, const float* gradient, float* first, float* second);

}  // namespace cambrian::train
