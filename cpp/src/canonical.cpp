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

Canonical::Canonical() : cones_(std::make_unique<Cones>()) {
    for (std::size_t distance = 1; distance < near_.size(); ++distance)
        near_[distance] = edge_hash(0, static_cast<std::int32_t>(distance));
}
Canonical::~Canonical() = default;

bool Canonical::order(const Graph& graph) {
    leaves_ = 0;
    cones_->forget();
    number_.assign(graph.nodes.size(), kAbsent);
    order_.clear();
    next_ = 0;
    output_ = graph.output;
    climb(graph, graph.output, kAbsent);
    for (auto top = chain_.rbegin(); top != chain_.rend(); ++top) {
        if (link(graph, *top)) continue;
        if (!graph.fragments.empty()) return false;
        leaves_ = search_order(graph, order_, number_);
        next_ = static_cast<std::int32_t>(order_.size());
        return true;
    }
    return !cones_->doubtful();
}

// The dominators of a node, itself included, down to one of them.
void Canonical::climb(const Graph& graph, Value from, Value to) {
    chain_.clear();
    for (Value node = from; node != to; node = graph.nodes[at(node)].dominator) chain_.push_back(node);
}

bool Canonical::order(const Graph& graph, Value input, Value output, Fragment& fragment) {
    leaves_ = 0;
    cones_->forget();
    if (number_.size() < graph.nodes.size()) number_.resize(graph.nodes.size());
    std::fill(number_.begin() + input, number_.begin() + output + 1, kAbsent);
    number_[at(input)] = 0;
    order_.clear();
    next_ = 1;
    output_ = output;
    climb(graph, output, input);
    for (auto top = chain_.rbegin(); top != chain_.rend(); ++top) {
        // Where there is a choice, what is outside takes part in it.
        if (!link(graph, *top) || leaves_ > 0) return false;
    }
    fragment.sum = sum(graph, 0, input);
    if (edges_.size() > Fragment::kMaxEdges || cones_->doubtful()) return false;
    std::copy(edges_.begin(), edges_.end(), fragment.edges.begin());
    fragment.n_edges = static_cast<std::int16_t>(edges_.size());
    fragment.size = next_ - 1;
    fragment.levels = graph.nodes[at(output)].level - graph.nodes[at(input)].level;
    std::size_t reads = 0;
    fragment.tree = true;
    for (const Value value : order_) {
        const Node& node = graph.nodes[at(value)];
        reads += at(node.n_inputs);
        fragment.tree = fragment.tree && (!node.composite || graph.fragment_of(node).tree);
        // One like it, made elsewhere of the same input, would be the same node.
        const auto inputs = graph.inputs_of(node);
        const bool outermost = std::all_of(inputs.begin(), inputs.end(), [&](Value x) { return x == input; });
        if (outermost && !node.composite && shareable(node.op, node.attrs[0])) return false;
    }
    fragment.tree = fragment.tree && reads == order_.size();
    return true;
}

// Numbers a node that dominates the output, and what it stands on down to the one before. False if there are
// too many ways to do it.
bool Canonical::link(const Graph& graph, Value top) {
    choices_.clear();
    if (graph.nodes[at(top)].n_inputs <= 1) {
        number(graph, top);
        return true;
    }
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
        rewind(graph, begin);
        walk(graph, top);
        const Lanes lanes = sum(graph, begin);
        if (std::tie(lanes.low, lanes.high) >= std::tie(least.low, least.high)) continue;
        least = lanes;
        best_.assign(order_.begin() + static_cast<std::ptrdiff_t>(begin), order_.end());
    }
    rewind(graph, begin);
    for (const Value node : best_) number(graph, node);
    leaves_ = std::max(leaves_, leaves);
    return true;
}

void Canonical::rewind(const Graph& graph, std::size_t begin) {
    for (std::size_t i = begin; i < order_.size(); ++i) {
        next_ -= graph.size_of(graph.nodes[at(order_[i])]);
        number_[at(order_[i])] = kAbsent;
    }
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
        Value operand = next_operand(graph, stack_.back());
        if (operand != kAbsent) {
            stack_.push_back({operand, 0});
            // Down to what stands on a number, or on several nodes.
            for (const Node* node = &graph.nodes[at(operand)]; node->n_inputs == 1;
                 node = &graph.nodes[at(operand)]) {
                operand = graph.inputs[at(node->first_input)];
                stack_.back().next = 1;
                if (number_[at(operand)] != kAbsent) break;
                stack_.push_back({operand, 0});
            }
            continue;
        }
        number(graph, stack_.back().node);
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
        return node.tied ? choose(graph, node, operands.subspan(at(visit.next))) : operand;
    }
    return kAbsent;
}

// Among the operands that tie with the first one, which has no number.
Value Canonical::choose(const Graph& graph, const Node& node, std::span<const Value> operands) {
    tie_.clear();
    // Of one dominator, equal keys relative to it are equal levels and keys.
    const auto level = graph.nodes[at(operands[0])].level;
    const auto key = graph.keys[at(operands[0])];
    for (const Value operand : operands) {
        if (graph.nodes[at(operand)].level != level || graph.keys[at(operand)] != key) break;
        if (number_[at(operand)] == kAbsent && (tie_.empty() || tie_.back() != operand))
            tie_.push_back(operand);
    }
    if (tie_.size() == 1 || cones_->alike(graph, output_, node.dominator, number_, tie_)) return tie_[0];
    if (choice_ == choices_.size()) choices_.push_back({0, static_cast<std::int32_t>(tie_.size())});
    return tie_[at(choices_[choice_++].taken)];
}

Lanes Canonical::edge(std::int32_t node, std::uint32_t place, std::int32_t input) const {
    const auto distance = static_cast<std::uint32_t>(node - input);
    return place == 0 && distance < near_.size() ? near_[distance]
                                                 : edge_hash(place, static_cast<std::int32_t>(distance));
}

// What the nodes from an index on add to the digest, were the first of them the first of all. The places that
// `input` fills are left out, and put down in `edges_`.
Lanes Canonical::sum(const Graph& graph, std::size_t begin, Value input) {
    const Lanes* powers = powers_.reach(at(next_));
    edges_.clear();
    LanesSum total;
    if (begin == order_.size()) return total.value();
    const std::int32_t first = number_[at(order_[begin])] - graph.size_of(graph.nodes[at(order_[begin])]) + 1;
    for (std::size_t i = begin; i < order_.size(); ++i) {
        const Node& node = graph.nodes[at(order_[i])];
        const std::int32_t last = number_[at(order_[i])];
        const Lanes& label = graph.labels[at(order_[i])];
        if (node.composite) {
            const Fragment& fragment = graph.fragment_of(node);
            const std::int32_t before = last - fragment.size;
            total.add(label, powers[before + 1 - first]);
            const Value x = graph.inputs[at(node.first_input)];
            for (std::int32_t e = 0; e < fragment.n_edges; ++e) {
                const auto [inner, place] = fragment.edges[at(e)];
                if (x == input) {
                    edges_.push_back({before + inner, place});
                } else {
                    total.add(edge(before + inner, place, number_[at(x)]), powers[before + inner - first]);
                }
            }
            continue;
        }
        const auto inputs = graph.inputs_of(node);
        if (inputs.size() == 1) {
            if (inputs[0] == input) {
                edges_.push_back({last, 0});
                total.add(label, powers[last - first]);
            } else {
                total.add(label, edge(last, 0, number_[at(inputs[0])]), powers[last - first]);
            }
            continue;
        }
        Lanes word = label;
        std::uint32_t place = 0;
        for (const Value x : inputs) {
            place += node.commutative ? 0 : 1;
            if (x == input) {
                edges_.push_back({last, place});
            } else {
                word += edge(last, place, number_[at(x)]);
            }
        }
        total.add(word, powers[last - first]);
    }
    return total.value();
}

Digest::Value Canonical::digest(const Graph& graph) {
    const Lanes lanes = sum(graph, 0);
    Digest digest(kHashVersion);
    digest.absorb(lanes.low, lanes.high);
    digest.absorb(at(next_), 0);
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
