#include "memo.hpp"

#include <algorithm>

namespace cambrian {
namespace {

constexpr std::uint32_t kTrial = 512;  // tries of a site after which one in four must have been known

std::size_t at(std::int32_t index) {
    return static_cast<std::size_t>(index);
}

}  // namespace

const Memo::Entry* Memo::find(std::int32_t site, const Key& key, std::uint64_t hash) {
    Use& use = uses_[at(site)];
    Entry& entry = slot(hash);
    const bool known = entry.state != Entry::kNothing && entry.hash == hash && entry.key.count == key.count &&
                       std::equal(key.words.begin(), key.words.begin() + key.count, entry.key.words.begin());
    ++use.tries;
    if (known && entry.state == Entry::kFragment) ++use.hits;
    if (use.tries == kTrial) {
        use.pays = use.hits * 4 >= use.tries;
        use.tries = use.hits = 0;
    }
    if (!known) return nullptr;
    entry.genome = genome_;
    return &entry;
}

Value Memo::apply(const Entry& entry, GraphBuilder& builder, Value input) {
    if (entry.prefix) input = builder.again(entry.first, input);
    return entry.body ? builder.composite(entry.fragment, entry.shape, input) : input;
}

Value Memo::record(const Key& key, std::uint64_t hash, GraphBuilder& builder, const GraphBuilder::Mark& mark,
                   Value input, Value output, std::size_t steps) {
    Entry& entry = slot(hash);
    if (entry.genome == genome_) return output;  // stands in this network
    entry.state = Entry::kExpand;
    entry.prefix = entry.body = false;
    entry.hash = hash;
    entry.key = key;
    entry.steps = steps;
    const Graph& graph = builder.graph();
    Value first = kAbsent, below = output;
    for (; below > input; below = graph.nodes[at(below)].dominator) first = below;
    if (below != input) return output;
    GraphBuilder::Mark fresh = mark;
    Value base = input;
    if (first != kAbsent) {
        const Node& node = graph.nodes[at(first)];
        if (node.n_inputs == 1 && !node.composite && shareable(node.op, node.attrs[0])) {
            entry.prefix = true;
            entry.first = node;
            base = first;
            if (at(first) >= mark.nodes) {
                ++fresh.nodes;
                ++fresh.inputs;
            }
        }
    }
    entry.body = base != output;
    if (entry.body) {
        if (!summarise(entry, graph, fresh.nodes, base, output)) return output;
        entry.fragment.key = builder.relative_key(output, base);
        entry.shape = builder.shape(output);
    } else if (graph.nodes.size() != fresh.nodes) {
        return output;
    }
    entry.state = Entry::kFragment;
    if (!entry.body) return output;
    entry.genome = genome_;
    builder.back_to(fresh);
    return builder.composite(entry.fragment, entry.shape, base);
}

bool Memo::summarise(Entry& entry, const Graph& graph, std::size_t fresh, Value input, Value output) {
    if (!canonical_.order(graph, input, output, entry.fragment)) return false;
    // Nodes that nothing reads would have to be counted too.
    if (canonical_.nodes().size() != graph.nodes.size() - fresh) return false;
    counter_.count(graph, canonical_.nodes(), input, entry.fragment);
    return true;
}

}  // namespace cambrian
