// A network as a graph of primitive operations with sizes, and its builder, which simplifies as it goes.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "cambrian/fragment.hpp"
#include "cambrian/mix.hpp"
#include "cambrian/modular.hpp"
#include "cambrian/operation.hpp"

namespace cambrian {

using Value = std::int32_t;  // number of a node
inline constexpr Value kAbsent = -1;
inline constexpr std::size_t kMaxNodes = 20'000;
inline constexpr std::int64_t kMaxDim = INT32_MAX;

using Attrs = std::array<std::int32_t, kMaxAttrs>;

// Without the batch: (features), (tokens, features) or (channels, height, width). Unused dimensions are 0.
struct Shape {
    std::uint8_t rank = 0;
    std::array<std::int32_t, 4> dim{};

    bool operator==(const Shape&) const = default;
    bool image() const { return rank == 3; }
    std::int32_t channel_axis() const { return rank == 2 ? 1 : 0; }
    std::int32_t channels() const { return dim[static_cast<std::size_t>(channel_axis())]; }
    // Within int64 for every shape that a builder has accepted.
    std::int64_t elements() const {
        std::int64_t count = 1;
        for (std::size_t i = 0; i < rank; ++i) count *= dim[i];
        return count;
    }
    std::string text() const;
};

struct Node {
    Op op;
    bool commutative;  // a sum, or a product of equal shapes
    bool tied;         // commutative, and two different inputs have equal keys
    bool composite;    // stands for a fragment; its operation and attributes mean nothing
    Shape shape;
    Attrs attrs;
    std::int32_t first_input;
    std::int32_t n_inputs;
    Value dominator;     // the last node through which everything below this one passes
    std::int32_t level;  // how many nodes dominate it
};
static_assert(sizeof(Node) == 64, "a node is one cache line");

inline std::uint64_t word_of(std::int32_t low, std::int32_t high) {
    return static_cast<std::uint32_t>(low) | std::uint64_t{static_cast<std::uint32_t>(high)} << 32;
}

// Hash of operation and attributes, and of the shape where it doesn't follow from the inputs.
inline Lanes label_of(const Node& node) {
    constexpr std::uint64_t kFirst = 0x9FB2'1C65'1E98'DF25, kSecond = 0xC2B2'AE3D'27D4'EB4F;
    const auto& a = node.attrs;
    const auto& d = node.shape.dim;
    const bool own_shape = node.op == Op::kInput || node.op == Op::kZero;
    const std::uint64_t x = own_shape ? word_of(d[0], d[1]) : word_of(a[0], a[1]);
    const std::uint64_t y = own_shape ? word_of(d[2], node.shape.rank) : word_of(a[2], a[3]);
    std::uint64_t z = word_of(a[4], a[5]);
    if (node.op == Op::kModule) z = mix(z, mix(word_of(d[0], d[1]), word_of(d[2], node.shape.rank)));
    const std::uint64_t op = static_cast<std::uint64_t>(node.op) + 1;
    const std::uint64_t low = mix(z, kSecond), high = mix(kFirst, z);
    return {reduced(mix(x + op * kFirst, y) + low), reduced(mix(y + op * kSecond, x) + high)};
}

// Throws std::invalid_argument unless every count of elements, and so of bytes, stays far inside int64.
void check_elements(Op op, const Shape& shape);

enum class Rule : std::uint8_t {
    kClamp,
    kStride,
    kDilation,
    kKernel,
    kGroups,
    kPool,
    kProject,
    kResize,
    kMean,
    kDrop,
    kConnect,
    kHeads,
    kKvHeads,
    kPosition
};
std::string_view rule_name(Rule rule);
constexpr bool names_column(Rule rule) {
    return rule == Rule::kClamp || rule == Rule::kDrop || rule == Rule::kConnect;
}

// What was changed so that the network runs. kClamp: `node` is the column of the reference, from and to are
// its targets. kDrop and kConnect: `node` is the column of the mask, from and to are its bits. Others: `node`
// is the changed or inserted node (kAbsent: the operation fell away); from and to are the attribute, the
// channels (kProject) or the height (kPool, kResize, kMean) before and after.
struct Repair {
    Rule rule;
    std::int32_t node;
    std::int64_t from;
    std::int64_t to;
};

struct Graph {
    std::vector<Node> nodes;    // each after its inputs; node 0 is the input of the network
    std::vector<Lanes> labels;  // of the nodes
    // Of each node, the hash of all it stands on: sum of B^(level(v) - level(d)) * local(d) over the nodes d
    // that dominate v, and v. So what v is relative to one of them is a difference (`relative_key`), and does
    // not depend on what that one stands on. Equal for isomorphic networks, whatever order they were built
    // in.
    std::vector<std::uint64_t> keys;
    std::vector<Value> inputs;
    std::vector<const Fragment*> fragments;  // of composite nodes
    Value output = 0;

    const Fragment& fragment_of(const Node& node) const {
        return *fragments[static_cast<std::size_t>(node.attrs[0])];
    }
    std::int32_t size_of(const Node& node) const { return node.composite ? fragment_of(node).size : 1; }

    std::span<const Value> inputs_of(const Node& node) const {
        return {inputs.data() + node.first_input, static_cast<std::size_t>(node.n_inputs)};
    }
};

// Appends nodes. Operations that change nothing return their input; what is shareable exists once; inputs of
// commutative nodes are sorted by (key relative to the node's dominator, number).
class GraphBuilder {
  public:
    GraphBuilder();

    void start(std::span<const std::int64_t> input_shape);
    void finish(Value output) { graph_.output = output; }

    // Applies a primitive as a template wrote it: absent inputs are dropped, shapes are checked or repaired.
    // Returns kAbsent if no input is left. Throws std::invalid_argument naming the operation, and why.
    Value apply(Op op, std::span<const Value> inputs, std::span<const std::int64_t> args);

    Value unary(Op op, Value x, std::span<const std::int64_t> args);  // the same for one input that is there

    const Graph& graph() const { return graph_; }
    const Shape& shape(Value value) const { return graph_.nodes[static_cast<std::size_t>(value)].shape; }
    bool zero(Value value) const { return graph_.nodes[static_cast<std::size_t>(value)].op == Op::kZero; }
    std::uint64_t relative_key(Value value, Value dominator) const {
        const auto v = static_cast<std::size_t>(value), d = static_cast<std::size_t>(dominator);
        const auto levels = static_cast<std::size_t>(graph_.nodes[v].level - graph_.nodes[d].level);
        return sub_mod(graph_.keys[v], mul_mod(graph_.keys[d], powers_[levels].low));
    }

    // A node that is in the graph already, or was once: nothing is checked.
    Value again(const Node& node, Value input) { return append(node.op, node.shape, node.attrs, input); }
    // A node for a whole fragment, which must outlive the graph.
    Value composite(const Fragment& fragment, const Shape& shape, Value input);

    struct Mark {
        std::size_t nodes, inputs, fragments, hidden;
    };
    Mark mark() const {
        return {graph_.nodes.size(), graph_.inputs.size(), graph_.fragments.size(), hidden_};
    }
    void back_to(const Mark& mark);  // the nodes since then are gone

    void record(std::vector<Repair>* repairs) { repairs_ = repairs; }
    bool recording() const { return repairs_ != nullptr; }
    void repaired(Rule rule, std::int32_t node, std::int64_t from, std::int64_t to) {
        if (repairs_ != nullptr && from != to) repairs_->push_back({rule, node, from, to});
    }

  private:
    Value append(Op op, Shape shape, const Attrs& attrs, std::span<const Value> inputs);
    Value append(Op op, Shape shape, const Attrs& attrs, Value input);
    void make_room(std::size_t nodes) {
        if (graph_.nodes.size() + hidden_ + nodes > room_) grow_room(nodes);
    }
    void grow_room(std::size_t nodes);
    Node& begin(Op op, bool commutative, const Shape& shape, const Attrs& attrs, std::int32_t n_inputs,
                Value dominator, std::int32_t level);
    Value settle(Value node);
    std::uint64_t sort_inputs(Node& node, std::span<Value> inputs);
    std::uint64_t hash_inputs(const Node& node, std::span<const Value> inputs) const;
    Value common_dominator(Value a, Value b) const;
    bool same(const Node& a, const Node& b) const;
    void grow_table();

    Value zeros(const Shape& shape) { return append(Op::kZero, shape, {}, kInput); }
    Value convolution(Op op, Value x, std::span<const std::int64_t> args);
    Value linear(Value x, std::span<const std::int64_t> args);
    Value norm(Value x, std::int64_t kind);
    Value activation(Value x, std::int64_t kind);
    Value pool(Op op, Value x, std::int64_t kernel, std::int64_t stride);
    Value mean(Value x);
    Value flatten(Value x);
    Value dropout(Value x, std::int64_t p);
    Value resize(Value x, std::int64_t height, std::int64_t width);
    Value attention(std::span<const Value> inputs, std::span<const std::int64_t> args);
    Value embedding(Value ids, std::int64_t vocab, std::int64_t features);
    Value position(Value x, std::int64_t kind);
    Value tokens(Value x);
    Value unembed(Value x, Value embedded, std::int64_t vocab);
    Value last(Value x);
    Value fit_width(Value x, std::int32_t width);  // tokens or features
    Value add();                                   // of `scratch_`
    Value concat();                                // of `scratch_`
    Value multiply(Value first, Value second);
    Value adaptive(Op op, std::span<const Value> inputs, std::span<const std::int64_t> args);
    Value leave(Value early, Value late, std::int64_t threshold);
    Value gate(Value x, Value y, Value logit);
    Value slim(Value y, Value logits, std::int64_t parts);
    Value module(Value x, std::span<const std::int64_t> args);
    Value fit_rank(Op op, Value x, const Shape& target);
    Value fit_sides(Value x, const Shape& target);
    Value project(Value x, const Shape& target);

    static constexpr Value kInput = 0;

    struct Entry {
        std::uint32_t epoch = 0;
        Value node = kAbsent;
    };

    struct Operand {
        std::uint64_t key;
        Value value;
    };

    Graph graph_;
    Powers all_powers_;
    const Lanes* powers_ = nullptr;  // up to the number of nodes
    std::size_t room_ = 0;           // that many nodes
    std::size_t hidden_ = 0;         // nodes inside composite ones
    std::vector<Operand> operands_;
    std::vector<Entry> table_;  // open addressing; entries of other epochs are free
    std::uint32_t epoch_ = 0;
    std::size_t used_ = 0;
    std::vector<Value> scratch_;  // inputs of the n-ary operation at hand
    std::vector<Repair>* repairs_ = nullptr;
};

}  // namespace cambrian
