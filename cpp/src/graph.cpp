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

std::uint64_t pair(std::int32_t low, std::int32_t high) {
    return static_cast<std::uint32_t>(low) | std::uint64_t{static_cast<std::uint32_t>(high)} << 32;
}

// Every count of elements, and so of bytes, stays far inside int64.
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

}  // namespace

std::uint64_t own_hash(const Node& node) {
    const auto& a = node.attrs;
    std::uint64_t hash = mix(static_cast<std::uint64_t>(node.op) << 56 ^ pair(a[0], a[1]), pair(a[2], a[3]));
    if (a[4] != 0 || a[5] != 0) hash = mix(hash, pair(a[4], a[5]));
    if (node.op == Op::kInput || node.op == Op::kZero) {
        const auto& d = node.shape.dim;
        hash = mix(mix(hash ^ node.shape.rank, pair(d[0], d[1])), pair(d[2], d[3]));
    }
    return hash;
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
    append(Op::kInput, shape, {}, std::span<const Value>());
}

void GraphBuilder::sort_inputs(std::span<Value> inputs) const {
    sort_few(inputs, [this](Value a, Value b) {
        const std::uint64_t first = graph_.nodes[at(a)].hash, second = graph_.nodes[at(b)].hash;
        return first != second ? first < second : a < b;
    });
}

Value GraphBuilder::append(Op op, const Shape& shape, const Attrs& attrs, std::span<const Value> inputs) {
    check_elements(op, shape);
    const bool product = op == Op::kMultiply && this->shape(inputs[0]) == this->shape(inputs[1]);
    Node node{op, op == Op::kAdd || product, shape, attrs, 0, static_cast<std::int32_t>(inputs.size()), 0};
    node.hash = own_hash(node);
    if (node.commutative) {
        sorted_.assign(inputs.begin(), inputs.end());
        sort_inputs(sorted_);
        inputs = sorted_;
    }
    for (const Value input : inputs) node.hash = mix(node.hash, graph_.nodes[at(input)].hash);
    return find_or_push(node, inputs);
}

bool GraphBuilder::same(const Node& a, const Node& b, std::span<const Value> inputs) const {
    const auto other = graph_.inputs_of(b);
    return a.hash == b.hash && a.op == b.op && a.attrs == b.attrs && a.shape == b.shape &&
           std::equal(inputs.begin(), inputs.end(), other.begin(), other.end());
}

Value GraphBuilder::find_or_push(Node& node, std::span<const Value> inputs) {
    const auto number = static_cast<Value>(graph_.nodes.size());
    if (shareable(node.op)) {
        const std::size_t mask = table_.size() - 1;
        std::size_t slot = static_cast<std::size_t>(node.hash) & mask;
        for (; table_[slot].epoch == epoch_; slot = (slot + 1) & mask) {
            if (same(node, graph_.nodes[at(table_[slot].node)], inputs)) return table_[slot].node;
        }
        table_[slot] = {epoch_, number};
    }
    if (graph_.nodes.size() == kMaxNodes) {
        throw std::invalid_argument("the network has more than " + std::to_string(kMaxNodes) + " nodes");
    }
    node.first_input = static_cast<std::int32_t>(graph_.inputs.size());
    graph_.inputs.insert(graph_.inputs.end(), inputs.begin(), inputs.end());
    graph_.nodes.push_back(node);
    if (shareable(node.op) && ++used_ * 2 > table_.size()) grow_table();
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
