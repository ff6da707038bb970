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
    static constexpr std::string_view kNames[] = {"clamp", "stride",  "dilation", "kernel", "groups",
                                                  "pool",  "project", "resize",   "mean"};
    return kNames[static_cast<std::size_t>(rule)];
}

GraphBuilder::GraphBuilder() : table_(kTableStart) {}

void GraphBuilder::start(std::span<const std::int64_t> input_shape) {
    graph_.nodes.clear();
    graph_.inputs.clear();
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
    begin(Op::kInput, shape, {});
}

void GraphBuilder::sort_inputs(std::span<Value> inputs) const {
    sort_few(inputs, [this](Value a, Value b) {
        const std::uint64_t first = graph_.nodes[at(a)].hash, second = graph_.nodes[at(b)].hash;
        return first != second ? first < second : a < b;
    });
}

Node& GraphBuilder::begin(Op op, Shape shape, const Attrs& attrs) {
    if (graph_.nodes.size() == kMaxNodes) {
        throw std::invalid_argument("the network has more than " + std::to_string(kMaxNodes) + " nodes");
    }
    Node& node = graph_.nodes.emplace_back();
    node.op = op;
    node.shape = shape;
    node.attrs = attrs;
    node.first_input = static_cast<std::int32_t>(graph_.inputs.size());
    node.hash = own_hash(node);
    return node;
}

Value GraphBuilder::append(Op op, Shape shape, const Attrs& attrs, Value input) {
    Node& node = begin(op, shape, attrs);
    node.n_inputs = 1;
    node.hash = mix(node.hash, graph_.nodes[at(input)].hash);
    graph_.inputs.push_back(input);
    return settle(node);
}

Value GraphBuilder::append(Op op, Shape shape, const Attrs& attrs, std::span<const Value> inputs) {
    const bool product = op == Op::kMultiply && this->shape(inputs[0]) == this->shape(inputs[1]);
    Node& node = begin(op, shape, attrs);
    node.commutative = op == Op::kAdd || product;
    node.n_inputs = static_cast<std::int32_t>(inputs.size());
    graph_.inputs.insert(graph_.inputs.end(), inputs.begin(), inputs.end());
    const std::span<Value> own(graph_.inputs.data() + node.first_input, inputs.size());
    if (node.commutative) sort_inputs(own);
    for (const Value input : own) node.hash = mix(node.hash, graph_.nodes[at(input)].hash);
    return settle(node);
}

bool GraphBuilder::same(const Node& a, const Node& b) const {
    if (a.hash != b.hash || a.op != b.op || a.attrs != b.attrs || a.shape != b.shape) return false;
    const auto first = graph_.inputs_of(a), second = graph_.inputs_of(b);
    return std::equal(first.begin(), first.end(), second.begin(), second.end());
}

// Keeps the node that was begun last, or gives the number of the same one if it exists.
Value GraphBuilder::settle(const Node& node) {
    const auto number = static_cast<Value>(graph_.nodes.size() - 1);
    if (!shareable(node.op)) return number;
    const std::size_t mask = table_.size() - 1;
    std::size_t slot = static_cast<std::size_t>(node.hash) & mask;
    for (; table_[slot].epoch == epoch_; slot = (slot + 1) & mask) {
        const Value other = table_[slot].node;
        if (!same(node, graph_.nodes[at(other)])) continue;
        graph_.inputs.resize(at(node.first_input));
        graph_.nodes.pop_back();
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
        if (entry.epoch != epoch_) continue;
        std::size_t slot = static_cast<std::size_t>(graph_.nodes[at(entry.node)].hash) & mask;
        while (larger[slot].epoch == epoch_) slot = (slot + 1) & mask;
        larger[slot] = entry;
    }
    table_.swap(larger);
}

}  // namespace cambrian
