// What a network costs, counted from its canonical graph without building it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "cambrian/canonical.hpp"
#include "cambrian/graph.hpp"

namespace cambrian {

// Per sample. One multiply-add counts one.
struct Resources {
    std::int64_t params = 0;  // trainable numbers
    std::int64_t macs = 0;    // multiply-adds of convolutions and linear layers
    std::int64_t elementwise =
        0;  // element operations of norms, activations, pools, sums, products, means, resizes
    std::int64_t memory = 0;   // peak bytes of float32 values alive in canonical order, the input's included
    std::int64_t kernels = 0;  // operations that run: all but input, flatten and identity
    std::int64_t depth = 0;    // most convolutions and linear layers on one path
};

class ResourceCounter {
  public:
    // Throws std::invalid_argument where a count leaves 64 bits.
    Resources count(const Graph& graph, const Canonical& canonical);

  private:
    void find_last_readers(const Graph& graph, std::span<const Value> order);

    std::vector<std::int32_t> last_;   // by node
    std::vector<std::int32_t> depth_;  // by node
};

}  // namespace cambrian
