// A numbered graph as a sequence of words from which it could be read back: equal for equal graphs only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "cambrian/graph.hpp"

namespace cambrian {

inline std::uint64_t word_of(std::int32_t low, std::int32_t high) {
    return static_cast<std::uint32_t>(low) | std::uint64_t{static_cast<std::uint32_t>(high)} << 32;
}

// Positions of a node's inputs, sorted where their order means nothing.
inline std::span<const Value> input_positions(const Graph& graph, const Node& node,
                                              std::span<const Value> number, std::vector<Value>& buffer) {
    buffer.clear();
    for (const Value input : graph.inputs_of(node)) buffer.push_back(number[static_cast<std::size_t>(input)]);
    if (node.commutative) std::sort(buffer.begin(), buffer.end());
    return buffer;
}

template <class Sink>
void write_certificate(const Graph& graph, std::span<const Value> order, std::span<const Value> number,
                       std::vector<Value>& buffer, Sink sink) {
    for (const Value value : order) {
        const Node& node = graph.nodes[static_cast<std::size_t>(value)];
        const auto& a = node.attrs;
        const auto inputs = graph.inputs_of(node);
        const bool one = inputs.size() == 1;
        // 8 bits of operation, 24 of the only input or the number of inputs (at most kMaxNodes, 2^20 steps).
        const auto reads = static_cast<std::uint32_t>(one ? number[static_cast<std::size_t>(inputs[0])]
                                                          : static_cast<Value>(inputs.size()));
        const std::uint64_t head = static_cast<std::uint64_t>(node.op) | std::uint64_t{reads} << 8;
        sink(head | std::uint64_t{static_cast<std::uint32_t>(a[0])} << 32);
        const std::size_t n_attrs = info(node.op).attrs.size();
        for (std::size_t i = 1; i < n_attrs; i += 2) sink(word_of(a[i], i + 1 < kMaxAttrs ? a[i + 1] : 0));
        if (node.op == Op::kInput || node.op == Op::kZero) {
            sink(word_of(node.shape.dim[0], node.shape.dim[1]));
            sink(word_of(node.shape.dim[2], node.shape.rank));
        }
        if (one) continue;
        const auto positions = input_positions(graph, node, number, buffer);
        for (std::size_t i = 0; i < positions.size(); i += 2) {
            sink(word_of(positions[i], i + 1 < positions.size() ? positions[i + 1] : kAbsent));
        }
    }
}

}  // namespace cambrian
