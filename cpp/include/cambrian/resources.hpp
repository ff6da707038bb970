// What a network costs, counted from its canonical graph without building it.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "cambrian/canonical.hpp"
#include "cambrian/graph.hpp"
#include "cambrian/module_costs.hpp"

namespace cambrian {

struct NodeCost;

// Per sample, but for the two memories, which are bytes of float32 values at a batch size.
struct Resources {
    std::int64_t params = 0;       // trainable numbers
    std::int64_t macs = 0;         // multiply-adds of convolutions, linear layers and attention products
    std::int64_t flops = 0;        // 2 a multiply-add, nothing else: what torch's own counter counts
    std::int64_t elementwise = 0;  // element operations of all that is no multiply-add; of these by kind:
    std::int64_t normalisation = 0;
    std::int64_t activation = 0;
    std::int64_t pooling = 0;
    std::int64_t memory = 0;        // inference: most bytes alive at once in canonical order, the input's too
    std::int64_t train_memory = 0;  // training: what the forward pass leaves behind for the backward pass
    std::int64_t kernels = 0;       // operations that run: all but input, flatten and identity
    std::int64_t depth = 0;         // most layers of multiply-adds on one path

    static constexpr std::array<std::string_view, 11> kNames{
        "params",  "macs",   "flops",        "elementwise", "normalisation", "activation",
        "pooling", "memory", "train_memory", "kernels",     "depth"};
    std::array<std::int64_t, kNames.size()> values() const {
        return {params,  macs,   flops,        elementwise, normalisation, activation,
                pooling, memory, train_memory, kernels,     depth};
    }
};

class ResourceCounter {
  public:
    // Modules cost what the table says; those that it lacks cost nothing and are added to `missing`.
    ResourceCounter(const ModuleCosts* modules, MissingModules* missing)
        : modules_(modules), missing_(missing) {}
    ResourceCounter() = default;

    // Throws std::invalid_argument where a count leaves 64 bits.
    Resources count(const Graph& graph, const Canonical& canonical, std::int64_t batch = 1);

    // Adds up what the nodes between the fragment's input and its output cost, in canonical order.
    void count(const Graph& graph, std::span<const Value> order, Value input, Fragment& fragment);

  private:
    // What is known of a node while the network is gone through in order.
    struct Seen {
        std::int64_t bytes;  // of its value
        std::int32_t depth;
        Value storage;  // whose memory its value lies in: its own, or that of what it is a view of
        bool gradient;  // depends on parameters
        bool kept;      // for the backward pass
        bool read;      // by a later node; known on the way back
    };

    Seen& seen(Value value) { return seen_[static_cast<std::size_t>(value)]; }
    void begin_with(const Graph& graph, Value input, bool gradient);
    void run(const Graph& graph, std::span<const Value> order);
    void count_node(const Graph& graph, const Node& node, Seen& own);
    void keep_values(const NodeCost& cost, std::span<const Value> inputs, Value number, Seen& own);
    void count_fragment(const Fragment& fragment, Value input, Value number, Seen& own);
    void keep(Value value);
    void find_peak(const Graph& graph, std::span<const Value> order);

    ModuleCost module_cost(const Node& node, const Shape& in) const;

    const ModuleCosts* modules_ = nullptr;
    MissingModules* missing_ = nullptr;
    std::vector<Seen> seen_;  // by node
    Costs costs_;
    std::int64_t kept_ = 0;  // bytes a sample
    std::int64_t kept_once_ = 0;
    Value input_ = kAbsent;       // of the fragment
    std::int64_t peak_ = 0;       // most bytes alive at once, but for that input
    std::int64_t peak_last_ = 0;  // the same, less the input's bytes where it is not read any more
};

}  // namespace cambrian
