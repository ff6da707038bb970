#include "memo.hpp"

#include <algorithm>
#include <bit>

namespace cambrian {
namespace {

constexpr std::size_t kFewest = 512, kMost = std::size_t{1} << 15;  // entries
constexpr std::uint32_t kLastTrial = 16384;

std::size_t at(std::int32_t index) {
    return static_cast<std::size_t>(index);
}

// What depends on more than its inputs' shapes: zeros stand on the network's input, ids are read from it
// alone, tied weights are those of another node; and what a user's module costs may be known later only.
bool looks_further(Op op) {
    return op == Op::kZero || op == Op::kEmbedding || op == Op::kUnembed || op == Op::kModule;
}

// All of an entry is read soon, so its lines had better come at the same time.
inline void fetch(const Memo::Entry& entry) {
#ifdef __GNUC__
    const auto* bytes = reinterpret_cast<const char*>(&entry);
    for (std::size_t line = 0; line < sizeof(Memo::Entry); line += 64) __builtin_prefetch(bytes + line);
#endif
}

}  // namespace

Memo::Memo(std::size_t sites, std::size_t genomes)
    : uses_(sites), slots_(std::bit_ceil(std::clamp(genomes, kFewest / 8, kMost / 8) * 8)) {}

const Memo::Entry* Memo::find(std::int32_t site, const Key& key, std::uint64_t hash) {
    Entry* found = nullptr;
    const Slot* const slots = ways(hash);
    for (std::size_t way = 0; way < kWays; ++way) {
        if (slots[way].tag != tag(hash)) continue;
        Entry& one = entry(slots[way].entry);
        fetch(one);
        bool same = one.key.count == key.count;
        for (std::size_t i = 0; same && i < key.count; ++i) same = one.key.words[i] == key.words[i];
        if (same) found = &one;
    }
    Use& use = uses_[at(site)];
    if (found != nullptr && found->known) ++use.hits;
    if (++use.tries == use.trial) {
        // Remembering takes about as long as expanding; the first trial finds little to remember.
        use.pays = use.hits * 4 >= use.tries || (use.trial < kLastTrial && use.hits * 16 >= use.tries);
        use.trial = std::min(use.trial * 4, kLastTrial);
        use.tries = use.hits = 0;
    }
    if (found != nullptr) found->genome = genome_;
    return found;
}

// An entry for a key that has none; null if all that could give way are in use.
Memo::Entry* Memo::place(std::uint64_t hash) {
    Slot* const slots = ways(hash);
    for (std::size_t way = 0; way < kWays; ++way) {
        Slot& slot = slots[way];
        if (slot.tag != 0) continue;
        if (made_ % kChunk == 0) chunks_.push_back(std::make_unique<Entry[]>(kChunk));
        slot = {tag(hash), made_++};
        return &entry(slot.entry);
    }
    for (std::size_t way = 0; way < kWays; ++way) {
        Slot& slot = slots[++turn_ % kWays];
        if (entry(slot.entry).genome == genome_) continue;
        slot.tag = tag(hash);
        return &entry(slot.entry);
    }
    return nullptr;
}

Value Memo::apply(const Entry& entry, GraphBuilder& builder, Value input) {
    if (entry.prefix) input = builder.again(entry.first, input);
    return entry.body ? builder.composite(entry.fragment, entry.shape, input) : input;
}

Value Memo::record(const Key& key, std::uint64_t hash, GraphBuilder& builder, const GraphBuilder::Mark& mark,
                   Value input, Value output, std::size_t steps) {
    Entry* const free = place(hash);
    if (free == nullptr) return output;
    Entry& entry = *free;
    entry.known = entry.prefix = entry.body = false;
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
        if (looks_further(node.op) && !node.composite) return output;
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
    entry.known = true;
    if (!entry.body) return output;
    entry.genome = genome_;
    builder.back_to(fresh);
    return builder.composite(entry.fragment, entry.shape, base);
}

bool Memo::summarise(Entry& entry, const Graph& graph, std::size_t fresh, Value input, Value output) {
    for (std::size_t i = fresh; i < graph.nodes.size(); ++i) {
        if (!graph.nodes[i].composite && looks_further(graph.nodes[i].op)) return false;
    }
    if (!canonical_.order(graph, input, output, entry.fragment)) return false;
    // Nodes that nothing reads would have to be counted too.
    if (canonical_.nodes().size() != graph.nodes.size() - fresh) return false;
    counter_.count(graph, canonical_.nodes(), input, entry.fragment);
    return true;
}

}  // namespace cambrian
