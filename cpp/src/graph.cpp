#include "cambrian/graph.hpp"

#include <algorithm>
#include <stdexcept>

#include "cambrian/mix.hpp"
#include "sort_few.hpp"

namespace cambrian {
namespace {

constexpr std::int64_t kMaxElements = std::int64_t{1} << 60;
constexpr std::size_t kTableStart = 256;  // power of two

std::size_t at(std::int32_t index) {
    return static_cast<std::size_t>(index);
}

}  // namespace

void check_elements(Op op, const Shape& shape) {
    std::int64_t elements = 1;
    for (std::size_t i = 0; i < shape.rank; ++i) {
        // The shift spares the division for all but huge shapes; a dimension has at most 31 bits.
        if (elements >> 29 != 0 && elements > kMaxElements / shape.dim[i]) {
            throw std::invalid_argument(std::string(info(op).name) + ": an output of shape " + shape.text() +
                                        " is too large");
        }
        elements *= shape.dim[i];
    }
}

std::string Shape::text() const {
    std::string text = "(";
    for (std::size_t i = 0; i < rank; ++i) text += (i == 0 ? "" : ", ") + std::to_string(dim[i]);
    return text + ")";
}

std::string_view rule_name(Rule rule) {
    static constexpr std::string_view kNames[] = {"clamp",   "stride",  "dilation", "kernel",  "groups",
                                                  "pool",    "project", "resize",   "mean",    "drop",
                                                  "connect", "heads",   "kv_heads", "position"};
    return kNames[static_cast<std::size_t>(rule)];
}

GraphBuilder::GraphBuilder() : table_(kTableStart) {}

void GraphBuilder::start(std::span<const std::int64_t> input_shape) {
    graph_.nodes.clear();
    graph_.inputs.clear();
    graph_.labels.clear();
    graph_.keys.clear();
    graph_.fragments.clear();
    hidden_ = 0;
    used_ = 0;
    if (++epoch_ == 0) {
        std::fill(table_.begin(), table_.end(), Entry{});
        epoch_ = 1;
    }
    Shape shape;
    shape.rank = static_cast<std::uint8_t>(input_shape.size());
    for (std::size_t i = 0; i < input_shape.size(); ++i)
        shape.dim[i] = static_cast<std::int32_t>(input_shape[i]);
    check_elements(Op::kInput, shape);
    make_room(1);
    begin(Op::kInput, false, shape, {}, 0, kAbsent, 0);
    graph_.keys.push_back(graph_.labels.back().low);
}

// There is room for one more.
Node& GraphBuilder::begin(Op op, bool commutative, const Shape& shape, const Attrs& attrs,
                          std::int32_t n_inputs, Value dominator, std::int32_t level) {
    const auto first = static_cast<std::int32_t>(graph_.inputs.size());
    graph_.nodes.push_back({op, commutative, false, false, shape, attrs, first, n_inputs, dominator, level});
    Node& node = graph_.nodes.back();
    graph_.labels.push_back(label_of(node));
    return node;
}

void GraphBuilder::grow_room(std::size_t nodes) {
    const std::size_t all = graph_.nodes.size() + hidden_ + nodes;
    if (all > kMaxNodes) {
        throw std::invalid_argument("the network has more than " + std::to_string(kMaxNodes) + " nodes");
    }
    room_ = std::min(std::max(2 * all, std::size_t{64}), kMaxNodes);
    powers_ = all_powers_.reach(room_);
    graph_.nodes.reserve(room_);
    graph_.labels.reserve(room_);
    graph_.keys.reserve(room_);
}

Value GraphBuilder::composite(const Fragment& fragment, const Shape& shape, Value input) {
    const auto size = static_cast<std::size_t>(fragment.size);
    make_room(size);
    hidden_ += size - 1;
    Node& node = graph_.nodes.emplace_back();
    node.op = Op::kIdentity;
    node.composite = true;
    node.shape = shape;
    node.attrs[0] = static_cast<std::int32_t>(graph_.fragments.size());
    node.first_input = static_cast<std::int32_t>(graph_.inputs.size());
    node.n_inputs = 1;
    node.dominator = input;
    node.level = graph_.nodes[at(input)].level + fragment.levels;
    graph_.fragments.push_back(&fragment);
    graph_.inputs.push_back(input);
    graph_.labels.push_back(fragment.sum);
    graph_.keys.push_back(
        add_mod(mul_mod(graph_.keys[at(input)], powers_[fragment.levels].low), fragment.key));
    return static_cast<Value>(graph_.nodes.size() - 1);
}

// Entries of nodes that are gone stay in the table: they are compared with what has their number now.
void GraphBuilder::back_to(const Mark& mark) {
    graph_.nodes.resize(mark.nodes);
    graph_.inputs.resize(mark.inputs);
    graph_.labels.resize(mark.nodes);
    graph_.keys.resize(mark.nodes);
    graph_.fragments.resize(mark.fragments);
    hidden_ = mark.hidden;
}

Value GraphBuilder::append(Op op, Shape shape, const Attrs& attrs, Value input) {
    make_room(1);
    begin(op, false, shape, attrs, 1, input, graph_.nodes[at(input)].level + 1);
    graph_.inputs.push_back(input);
    graph_.keys.push_back(add_mod(mul_mod(graph_.keys[at(input)], powers_[1].low), graph_.labels.back().low));
    const auto number = static_cast<Value>(graph_.nodes.size() - 1);
    return shareable(op, attrs[0]) ? settle(number) : number;
}

Value GraphBuilder::append(Op op, Shape shape, const Attrs& attrs, std::span<const Value> inputs) {
    const bool product = op == Op::kMultiply && this->shape(inputs[0]) == this->shape(inputs[1]);
    Value dominator = inputs[0];
    for (const Value input : inputs.subspan(1)) dominator = common_dominator(dominator, input);
    make_room(1);
    Node& node = begin(op, op == Op::kAdd || product, shape, attrs, static_cast<std::int32_t>(inputs.size()),
                       dominator, graph_.nodes[at(dominator)].level + 1);
    graph_.inputs.insert(graph_.inputs.end(), inputs.begin(), inputs.end());
    const std::span<Value> own(graph_.inputs.data() + node.first_input, inputs.size());
    const std::uint64_t below = node.commutative ? sort_inputs(node, own) : hash_inputs(node, own);
    const std::uint64_t local = reduced(mix(graph_.labels.back().low, below));
    graph_.keys.push_back(add_mod(mul_mod(graph_.keys[at(dominator)], powers_[1].low), local));
    const auto number = static_cast<Value>(graph_.nodes.size() - 1);
    return shareable(op, attrs[0]) ? settle(number) : number;
}

// A node comes after its dominator, so of two different ones the later isn't common.
Value GraphBuilder::common_dominator(Value a, Value b) const {
    while (a != b) {
        Value& later = a > b ? a : b;
        later = graph_.nodes[at(later)].dominator;
    }
    return a;
}

// Orders the inputs of a commutative node and hashes them as a set.
std::uint64_t GraphBuilder::sort_inputs(Node& node, std::span<Value> inputs) {
    operands_.clear();
    std::uint64_t sum = 0;
    for (const Value input : inputs) {
        operands_.push_back({relative_key(input, node.dominator), input});
        sum += mix(operands_.back().key, inputs.size());
    }
    sort_few(std::span<Operand>(operands_), [](const Operand& a, const Operand& b) {
        return a.key != b.key ? a.key < b.key : a.value < b.value;
    });
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        inputs[i] = operands_[i].value;
        if (i > 0 && operands_[i].key == operands_[i - 1].key && inputs[i] != inputs[i - 1]) node.tied = true;
    }
    return sum;
}

std::uint64_t GraphBuilder::hash_inputs(const Node& node, std::span<const Value> inputs) const {
    std::uint64_t hash = inputs.size();
    for (const Value input : inputs) hash = mix(hash, relative_key(input, node.dominator));
    return hash;
}

bool GraphBuilder::same(const Node& a, const Node& b) const {
    if (a.composite || b.composite || a.op != b.op || a.attrs != b.attrs || a.shape != b.shape) return false;
    const auto first = graph_.inputs_of(a), second = graph_.inputs_of(b);
    return std::equal(first.begin(), first.end(), second.begin(), second.end());
}

// Keeps the shareable node that was appended last, or gives the number of the same one if it exists.
Value GraphBuilder::settle(Value number) {
    const Node& node = graph_.nodes[at(number)];
    const std::uint64_t key = graph_.keys.back();
    const std::size_t mask = table_.size() - 1;
    std::size_t slot = static_cast<std::size_t>(key) & mask;
    for (; table_[slot].epoch == epoch_; slot = (slot + 1) & mask) {
        const Value other = table_[slot].node;
        if (other >= number || graph_.keys[at(other)] != key || !same(node, graph_.nodes[at(other)]))
            continue;
        graph_.inputs.resize(at(node.first_input));
        graph_.nodes.pop_back();
        graph_.labels.pop_back();
        graph_.keys.pop_back();
        return other;
    }
    table_[slot] = {epoch_, number};
    if (++used_ * 2 > table_.size()) grow_table();
    return number;
}

void GraphBuilder::grow_table() {
    std::vector<Entry> larger(table_.size() * 2);
    const std::size_t mask = larger.size() - 1;
    for (const Entry& entry : table_) {
        if (entry.epoch != epoch_ || at(entry.node) >= graph_.nodes.size()) continue;
        std::size_t slot = static_cast<std::size_t>(graph_.keys[at(entry.node)]) & mask;
        while (larger[slot].epoch == epoch_) slot = (slot + 1) & mask;
        larger[slot] = entry;
    }
    table_.swap(larger);
}

}  // namespace cambrian
