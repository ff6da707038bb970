// Time of whole populations on a device: the times of the nodes, looked up in a table of what was measured
// there, added up per genome. What was not measured is estimated from the work that the node does.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cambrian/graph.hpp"
#include "cambrian/layout.hpp"
#include "cambrian/parallel.hpp"

namespace cambrian {

// Operation, number of inputs, attributes; rank and sides of the output and of the first two inputs. Nodes of
// equal keys take equal time on a device.
inline constexpr std::size_t kKeyWords = 2 + kMaxAttrs + 3 * 5;
using NodeKey = std::array<std::int32_t, kKeyWords>;
NodeKey node_key(const Graph& graph, const Node& node);

// Of one sample: multiply-adds, element operations, values read and written; and parameters, whatever the
// batch.
inline constexpr std::size_t kWorkWords = 4;
using NodeWork = std::array<std::int64_t, kWorkWords>;
NodeWork node_work(const Graph& graph, const Node& node);

// Nodes of one class are estimated by one formula: an operation and its kind; of convolutions, whether they
// are dense, 1 x 1 or in groups.
inline constexpr std::size_t kClassesOfOp = 16;
std::size_t node_class(const Node& node);
inline std::size_t n_classes() {
    return operations().size() * kClassesOfOp;
}

// Of a node: a hundred seconds, so that no sum over a network leaves 64 bits.
inline constexpr std::int64_t kMaxPicoseconds = 100'000'000'000'000;
static_assert(kMaxPicoseconds < INT64_MAX / static_cast<std::int64_t>(kMaxNodes));

// What is known of a device at one batch size and precision. An estimate is
// e0 + e1 * multiply-adds + e2 * bytes + e3 * element operations, at the batch size, in picoseconds.
struct TimeTable {
    const std::int32_t* keys = nullptr;         // (n, kKeyWords), all different
    const std::int64_t* picoseconds = nullptr;  // (n), 0 … kMaxPicoseconds
    std::size_t n = 0;
    const double* estimates = nullptr;  // (n_classes(), kWorkWords), finite
    std::int64_t batch = 1;
};

// One value a genome.
struct Times {
    std::int64_t* picoseconds = nullptr;  // the sum
    std::int64_t* estimated = nullptr;    // the part of it that no measurement stands behind
    std::int64_t* nodes = nullptr;        // how many it is a sum of: all but the input
};

// Throws std::invalid_argument for keys that come twice, and naming the row where a genome is no network.
template <class T>
void latency(const Layout& layout, const T* genomes, std::size_t n, const TimeTable& table, const Times& out,
             const Threads& threads);

// The nodes of genomes one after the other, inputs left out, each network's in canonical order.
struct NodeList {
    std::vector<std::int64_t> offsets{0};  // of each genome's first node; one more than genomes
    std::vector<std::int32_t> keys;        // kKeyWords a node
    std::vector<std::int64_t> work;        // kWorkWords a node
    std::vector<std::int32_t> classes;
};

template <class T>
NodeList node_list(const Layout& layout, const T* genomes, std::size_t n, const Threads& threads);

}  // namespace cambrian
