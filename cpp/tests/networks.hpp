// Abstract networks that the tests build in any order: a specification, its relabellings, its builder.
#pragma once

#include <algorithm>
#include <numeric>
#include <random>
#include <vector>

#include "cambrian/canonical.hpp"
#include "cambrian/graph.hpp"

namespace cambrian::testing {

struct Step {
    Op op;
    std::vector<int> inputs;  // numbers of steps; -1 is the network's input
    std::int64_t value;       // kernel of a convolution, kind of an activation
};

// The last step is the output. All values have the same shape, so that no operand needs repair.
using Network = std::vector<Step>;

inline constexpr std::int64_t kShape[] = {4, 8, 8};

inline const Graph& build(GraphBuilder& builder, const Network& network) {
    builder.start(kShape);
    std::vector<Value> values;
    for (const Step& step : network) {
        std::vector<Value> inputs;
        for (const int input : step.inputs)
            inputs.push_back(input < 0 ? 0 : values[static_cast<std::size_t>(input)]);
        std::int64_t args[kMaxAttrs] = {step.value};
        if (step.op == Op::kConv2d) {
            const std::int64_t conv[] = {4, step.value, 1, 1, 1, 0};
            std::copy(std::begin(conv), std::end(conv), args);
        } else if (step.op == Op::kMaxPool || step.op == Op::kAvgPool) {
            args[1] = 1;
        }
        const Value joined = builder.apply(step.op, inputs, args);
        const std::int64_t narrow[] = {4, 1, 1, 1, 1, 0};  // a concatenation returns to the common shape
        values.push_back(step.op == Op::kConcat ? builder.apply(Op::kConv2d, {&joined, 1}, narrow) : joined);
    }
    builder.finish(values.back());
    return builder.graph();
}

// The same network, written down in another topological order, with commutative operands in another order.
template <class Random>
Network shuffled(const Network& network, Random& random) {
    const int n = static_cast<int>(network.size());
    std::vector<int> number(network.size(), -1), ready;
    Network result;
    for (int placed = 0; placed < n; ++placed) {
        ready.clear();
        for (int i = 0; i < n; ++i) {
            const Step& step = network[static_cast<std::size_t>(i)];
            const bool waits = std::any_of(step.inputs.begin(), step.inputs.end(), [&](int input) {
                return input >= 0 && number[static_cast<std::size_t>(input)] < 0;
            });
            const bool last = i == n - 1 && placed < n - 1;
            if (number[static_cast<std::size_t>(i)] < 0 && !waits && !last) ready.push_back(i);
        }
        const int chosen = ready[random() % ready.size()];
        Step step = network[static_cast<std::size_t>(chosen)];
        for (int& input : step.inputs) input = input < 0 ? -1 : number[static_cast<std::size_t>(input)];
        if (step.op == Op::kAdd || step.op == Op::kMultiply) {
            std::shuffle(step.inputs.begin(), step.inputs.end(), random);
        }
        number[static_cast<std::size_t>(chosen)] = placed;
        result.push_back(step);
    }
    return result;
}

// Any undirected graph as a network: a convolution a vertex, a convolution of the sum of its ends an edge.
inline Network from_edges(int vertices, const std::vector<std::pair<int, int>>& edges) {
    Network network;
    for (int v = 0; v < vertices; ++v) network.push_back({Op::kConv2d, {-1}, 3});
    Step sum{Op::kAdd, {}, 0};
    for (const auto& [a, b] : edges) {
        network.push_back({Op::kAdd, {a, b}, 0});
        network.push_back({Op::kConv2d, {static_cast<int>(network.size()) - 1}, 3});
        sum.inputs.push_back(static_cast<int>(network.size()) - 1);
    }
    network.push_back(sum);
    return network;
}

template <class Random>
Network random_network(Random& random, int steps) {
    Network network;
    for (int i = 0; i < steps; ++i) {
        const auto earlier = [&] { return static_cast<int>(random() % (network.size() + 1)) - 1; };
        switch (random() % 8) {
            case 0:
            case 1:
                network.push_back({Op::kConv2d, {earlier()}, 3});
                break;
            case 2:
                network.push_back({Op::kConv2d, {earlier()}, 1});
                break;
            case 3:
                network.push_back({Op::kActivation, {earlier()}, 1});
                break;
            case 4:
                network.push_back({Op::kMultiply, {earlier(), earlier()}, 0});
                break;
            case 5:
                network.push_back({Op::kConcat, {earlier(), earlier()}, 0});
                break;
            case 6:
                network.push_back({Op::kAdd, {earlier(), earlier()}, 0});
                break;
            default:
                network.push_back({Op::kAdd, {earlier(), earlier(), earlier()}, 0});
                break;
        }
    }
    Step all{Op::kAdd, {}, 0};
    for (int i = std::max(0, steps - 4); i < steps; ++i) all.inputs.push_back(i);
    network.push_back(all);
    return network;
}

struct Form {
    Digest::Value digest;
    std::size_t leaves;
    std::size_t nodes;
};

inline Form form_of(const Network& network) {
    GraphBuilder builder;
    Canonical canonical;
    const Graph& graph = build(builder, network);
    canonical.order(graph);
    return {canonical.digest(graph), canonical.leaves(), canonical.nodes().size()};
}

}  // namespace cambrian::testing
