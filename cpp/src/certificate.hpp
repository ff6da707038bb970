// A numbered graph as a sequence of words from which it could be read back: equal for equal graphs only.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "cambrian/graph.hpp"
#include "sort_few.hpp"

namespace cambrian {

// Positions of a node's inputs, sorted where their order means nothing.
inline std::span<const Value> input_positions(const Graph& graph, const Node& node, const Value* number,
                                              std::vector<Value>& buffer) {
    buffer.clear();
    for (const Value input : graph.inputs_of(node)) buffer.push_back(number[input]);
    if (node.commutative) sort_few(std::span<Value>(buffer), std::less<>());
    return buffer;
}

// Words that `write_certificate` can take for a graph.
inline std::size_t certificate_bound(const Graph& graph) {
    return 6 * graph.nodes.size() + graph.inputs.size();
}

// Writes the words, the last one filled up with 0 to an even number, and returns their end.
inline std::uint64_t* write_certificate(const Graph& graph, std::span<const Value> order, const Value* number,
                                        std::vector<Value>& buffer, std::uint64_t* const begin) {
    std::uint64_t* out = begin;
    for (const Value value : order) {
        const Node& node = graph.nodes[static_cast<std::size_t>(value)];
        const auto& a = node.attrs;
        const bool one = node.n_inputs == 1;
        // 8 bits of operation, 24 of the only input or the number of inputs (at most 2^20), 32 of an
        // attribute.
        const auto reads = static_cast<std::uint32_t>(
            one ? number[graph.inputs[static_cast<std::size_t>(node.first_input)]] : node.n_inputs);
        *out++ = static_cast<std::uint64_t>(node.op) | std::uint64_t{reads} << 8 |
                 std::uint64_t{static_cast<std::uint32_t>(a[0])} << 32;
        if (attr_count(node.op) > 1) *out++ = word_of(a[1], a[2]);
        if (attr_count(node.op) > 3) {
            *out++ = word_of(a[3], a[4]);
            *out++ = word_of(a[5], 0);
        }
        if (node.op == Op::kInput || node.op == Op::kZero || node.op == Op::kModule) {
            *out++ = word_of(node.shape.dim[0], node.shape.dim[1]);
            *out++ = word_of(node.shape.dim[2], node.shape.rank);
        }
        if (one) continue;
        const auto positions = input_positions(graph, node, number, buffer);
        for (std::size_t i = 0; i < positions.size(); i += 2) {
            *out++ = word_of(positions[i], i + 1 < positions.size() ? positions[i + 1] : 0);
        }
    }
    if ((out - begin) % 2 != 0) *out++ = 0;
    return out;
}

}  // namespace cambrian
