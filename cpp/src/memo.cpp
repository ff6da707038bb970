#include "memo.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace cambrian {
namespace {

constexpr std::size_t kFewest = 512, kMost = std::size_t{1} << 15;  // slots

std::size_t at(std::int32_t index) {
    return static_cast<std::size_t>(index);
}

// All of an entry is read soon, so its lines had better come at the same time.
inline void fetch(const Memo::Entry& entry) {
#ifdef __GNUC__
    const auto* bytes = reinterpret_cast<const char*>(&entry);
    for (std::size_t line = 0; line < offsetof(Memo::Entry, first); line += 64)
        __builtin_prefetch(bytes + line);
#endif
}

}  // namespace

bool Memo::Entry::is(const Key& key) const {
    if (words != key.count) return false;
    const std::size_t close = std::min<std::size_t>(words, kNear);
    std::uint64_t differs = 0;
    for (std::size_t i = 0; i < close; ++i) differs |= near[i] ^ key.words[i];
    for (std::size_t i = kNear; i < words; ++i) differs |= far[i - kNear] ^ key.words[i];
    return differs == 0;
}

void Memo::Entry::set(const Key& key) {
    words = static_cast<std::uint8_t>(key.count);
    for (std::size_t i = 0; i < key.count; ++i) (i < kNear ? near[i] : far[i - kNear]) = key.words[i];
}

Memo::Key Memo::Entry::key() const {
    Key key;
    key.count = words;
    for (std::size_t i = 0; i < words; ++i) key.words[i] = i < kNear ? near[i] : far[i - kNear];
    return key;
}

Memo::Memo(std::size_t sites) : uses_(sites), slots_(kFewest) {}

const Memo::Entry* Memo::find(std::int32_t site, const Key& key, std::uint64_t hash) {
    Entry* found = nullptr;
    const Slot* const slots = ways(hash);
    for (std::size_t way = 0; way < kWays; ++way) {
        if (slots[way].tag != tag(hash)) continue;
        Entry& one = entry(slots[way].entry);
        fetch(one);
        if (one.is(key)) found = &one;
    }
    Use& use = uses_[at(site)];
    if (++use.tries == use.trial) judge(use);
    if (found == nullptr) return nullptr;
    if (found->known) ++use.hits;
    found->genome = genome_;
    return found;
}

// Remembering takes about as long as expanding; the first trial finds little to remember.
void Memo::judge(Use& use) {
    const bool pays = use.hits * 2 >= use.tries || (use.trial < kLastTrial && use.hits * 16 >= use.tries);
    use = {0, 0, pays ? std::min(use.trial * 4, kLastTrial) : kFirstTrial, pays ? 0 : kRest};
}

void Memo::grow() {
    const std::vector<Slot> before = std::exchange(slots_, std::vector<Slot>(slots_.size() * 2));
    for (const Slot& slot : before) {
        if (slot.tag == 0) continue;
        // Each of the two sets that a set becomes has room for all of it.
        Slot* to = ways(entry(slot.entry).key().hash());
        while (to->tag != 0) ++to;
        *to = slot;
    }
}

// An entry for a key that has none; null if all that could give way are in use.
Memo::Entry* Memo::place(std::uint64_t hash) {
    if (made_ * 2 >= slots_.size() && slots_.size() < kMost) grow();
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
    entry.set(key);
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
