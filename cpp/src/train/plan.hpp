// A program in the making: layers and values, which of them need gradients, and who may share memory.
#pragma once

#include <memory>
#include <vector>

#include "layer.hpp"

namespace cambrian::train {

inline constexpr std::size_t kNone = static_cast<std::size_t>(-1);

struct Value {
    std::size_t size;                  // floats, of a whole batch
    std::size_t producer;              // the layer, or kNone
    std::vector<std::size_t> readers;  // layers, rising; one that reads it twice is there twice
    bool wanted = false;               // something trained is below
    bool reached = false;              // the loss depends on it, and it is wanted: it has a gradient
    std::size_t span = kNone, gradient = kNone;
};

struct Plan {
    std::vector<std::unique_ptr<Layer>> layers;
    std::vector<Value> values;
    std::size_t output = 0;
    std::vector<Span> spans;
    std::size_t work = 0;    // the span that all layers work in
    std::size_t floats = 0;  // of all spans
};

// The layers of a graph. Nodes that change nothing are the value that they read.
Plan read(const std::vector<NodeSpec>& nodes, std::size_t batch, std::vector<Parameter>& parameters);

// Which values have a gradient; parameters that the loss does not depend on are not live.
void follow_gradients(Plan& plan, std::vector<Parameter>& parameters);

// Spans for all values, gradients and what layers save. Says which layers add to a gradient.
void share_memory(Plan& plan);

}  // namespace cambrian::train
