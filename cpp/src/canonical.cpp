#include "cambrian/canonical.hpp"

#include <algorithm>
#include <tuple>

#include "canonical_search.hpp"
#include "cones.hpp"

namespace cambrian {
namespace {

constexpr std::uint64_t kRecipeVersion = kHashVersion + (std::uint64_t{1} << 32);
constexpr std::uint64_t kPlainVersion = kHashVersion + (std::uint64_t{2} << 32);
constexpr std::size_t kMaxLeaves = 64;  // orders of one link that are tried one by one

std::size_t at(std::int32_t index) {
    return static_cast<std::size_t>(index);
}

}  // namespace

Canonical::Canonical() : cones_(std::make_unique<Cones>()) {}
Canonical::~Canonical() = default;

void Canonical::order(const Graph& graph) {
    leaves_ = 0;
    cones_->forget();
    number_.assign(graph.nodes.size(), kAbsent);
    order_.clear();
    chain_.clear();
    for (Value node = graph.output; node != kAbsent; node = graph.nodes[at(node)].dominator)
        chain_.push_back(node);
    for (auto top = chain_.rbegin(); top != chain_.rend(); ++top) {
        if (link(graph, *top)) continue;
        leaves_ = search_order(graph, order_, number_);
        return;
    }
}

// Numbers a node that dominates the output, and what it stands on down to the one before. False if there are
// too many ways to do it.
bool Canonical::link(const Graph& graph, Value top) {
    if (graph.nodes[at(top)].n_inputs <= 1) {
        number(top);
        return true;
    }
    choices_.clear();
    const std::size_t begin = order_.size();
    walk(graph, top);
    return choices_.empty() || search_link(graph, top, begin);
}

bool Canonical::search_link(const Graph& graph, Value top, std::size_t begin) {
    Lanes least = sum(graph, begin);
    best_.assign(order_.begin() + static_cast<std::ptrdiff_t>(begin), order_.end());
    std::size_t leaves = 1;
    while (next_choices()) {
        if (++leaves > kMaxLeaves) return false;
        rewind(begin);
        walk(graph, top);
        const Lanes lanes = sum(graph, begin);
        if (std::tie(lanes.low, lanes.high) >= std::tie(least.low, least.high)) continue;
        least = lanes;
        best_.assign(order_.begin() + static_cast<std::ptrdiff_t>(begin), order_.end());
    }
    rewind(begin);
    for (const Value node : best_) number(node);
    leaves_ = std::max(leaves_, leaves);
    return true;
}

void Canonical::rewind(std::size_t begin) {
    for (std::size_t i = begin; i < order_.size(); ++i) number_[at(order_[i])] = kAbsent;
    order_.resize(begin);
}

// The next way to resolve the ties: another operand at the last one that has one left, the first at those
// that it leads to.
bool Canonical::next_choices() {
    while (!choices_.empty() && choices_.back().taken + 1 == choices_.back().count) choices_.pop_back();
    if (choices_.empty()) return false;
    ++choices_.back().taken;
    return true;
}

void Canonical::walk(const Graph& graph, Value top) {
    choice_ = 0;
    stack_.push_back({top, 0});
    while (!stack_.empty()) {
        const Value operand = next_operand(graph, stack_.back());
        if (operand != kAbsent) {
            stack_.push_back({operand, 0});
            continue;
        }
        number(stack_.back().node);
        stack_.pop_back();
    }
}

// The operand of a node to descend into: the first that has no number yet.
Value Canonical::next_operand(const Graph& graph, Visit& visit) {
    const Node& node = graph.nodes[at(visit.node)];
    const auto operands = graph.inputs_of(node);
    for (; visit.next < node.n_inputs; ++visit.next) {
        const Value operand = operands[at(visit.next)];
        if (number_[at(operand)] != kAbsent) continue;
        return node.tied ? choose(graph, operands.subspan(at(visit.next))) : operand;
    }
    return kAbsent;
}

// Among the operands that tie with the first one, which has no number.
Value Canonical::choose(const Graph& graph, std::span<const Value> operands) {
    tie_.clear();
    // Of one dominator, equal keys relative to it are equal levels and keys.
    const auto level = graph.nodes[at(operands[0])].level;
    const auto key = graph.keys[at(operands[0])];
    for (const Value operand : operands) {
        if (graph.nodes[at(operand)].level != level || graph.keys[at(operand)] != key) break;
        if (number_[at(operand)] == kAbsent && (tie_.empty() || tie_.back() != operand))
            tie_.push_back(operand);
    }
    if (tie_.size() == 1 || cones_->alike(graph, graph.output, number_, tie_)) return tie_[0];
    if (choice_ == choices_.size()) choices_.push_back({0, static_cast<std::int32_t>(tie_.size())});
    return tie_[at(choices_[choice_++].taken)];
}

// What the nodes from a position on add to the digest, were that position the first.
Lanes Canonical::sum(const Graph& graph, std::size_t begin) {
    const Lanes* powers = powers_.reach(order_.size());
    const Lanes next = edge_hash(0, 1);
    Lanes total;
    for (std::size_t i = begin; i < order_.size(); ++i) {
        const Node& node = graph.nodes[at(order_[i])];
        Lanes word = graph.labels[at(order_[i])];
        const auto inputs = graph.inputs_of(node);
        const bool ordered = inputs.size() > 1 && !node.commutative;
        for (std::size_t place = 0; place < inputs.size(); ++place) {
            const std::int32_t distance = static_cast<std::int32_t>(i) - number_[at(inputs[place])];
            word += !ordered && distance == 1
                        ? next
                        : edge_hash(ordered ? static_cast<std::uint32_t>(place) + 1 : 0, distance);
        }
        total += word * powers[i - begin];
    }
    return total;
}

Digest::Value Canonical::digest(const Graph& graph) {
    const Lanes lanes = sum(graph, 0);
    Digest digest(kHashVersion);
    digest.absorb(lanes.low, lanes.high);
    digest.absorb(order_.size(), 0);
    return digest.value();
}

Digest::Value with_recipe(const Digest::Value& graph, std::span<const std::int32_t> recipe_columns,
                          std::span<const std::uint16_t> normal, std::span<const std::uint8_t> active) {
    Digest digest(kRecipeVersion);
    digest.absorb(graph.low, graph.high);
    for (const std::int32_t column : recipe_columns) {
        const auto c = static_cast<std::size_t>(column);
        if (active[c] != 0) digest.absorb(c, normal[c]);
    }
    return digest.value();
}

Digest::Value plain_digest(std::span<const std::uint16_t> normal, std::span<const std::uint8_t> active) {
    Digest digest(kPlainVersion);
    for (std::size_t c = 0; c < normal.size(); ++c) {
        if (active[c] != 0) digest.absorb(c, normal[c]);
    }
    return digest.value();
}

}  // namespace cambrian
