#include "cambrian/latency.hpp"

#include <algorithm>
#include <bit>
#include <stdexcept>
#include <string>

#include "cambrian/canonical.hpp"
#include "cambrian/interpret.hpp"
#include "cambrian/mix.hpp"
#include "node_cost.hpp"
#include "overflow.hpp"

namespace cambrian {
namespace {

constexpr std::size_t kBlock = 512;  // genomes that share a workspace
constexpr double kBytes = 4;         // of a value; another precision is in the estimates

const Node& at(const Graph& graph, Value value) {
    return graph.nodes[static_cast<std::size_t>(value)];
}

std::uint64_t hash_of(const std::int32_t* key) {
    std::uint64_t even = 0, odd = 0;  // two chains, for the latency of the products
    for (std::size_t i = 0; i + 4 <= kKeyWords; i += 4) {
        even = mix(even ^ word_of(key[i], key[i + 1]), i);
        odd = mix(odd ^ word_of(key[i + 2], key[i + 3]), i);
    }
    for (std::size_t i = kKeyWords / 4 * 4; i < kKeyWords; ++i) even = mix(even ^ word_of(key[i], 0), i);
    return mix(even, odd);
}

// The nodes of genomes, network after network.
class Reader {
  public:
    explicit Reader(const Layout& layout) : interpreter_(layout) {}

    // Visits the nodes that the output stands on, in canonical order if that is asked for.
    template <class T, class Visit>
    void row(const T* genome, std::size_t row, bool canonical, Visit visit) {
        try {
            interpreter_.read(genome);
            const Graph& graph = interpreter_.expand();
            if (canonical) {
                canonical_.order(graph);
            } else {
                find_live(graph);
            }
            for (const Value value : canonical ? canonical_.nodes() : std::span<const Value>(live_)) {
                const Node& node = at(graph, value);
                if (node.n_inputs > 0) visit(graph, node);
            }
        } catch (const std::invalid_argument& error) {
            throw std::invalid_argument("genomes: row " + std::to_string(row) + ": " + error.what());
        }
    }

  private:
    void find_live(const Graph& graph) {
        used_.assign(graph.nodes.size(), 0);
        live_.clear();
        used_[static_cast<std::size_t>(graph.output)] = 1;
        for (Value value = graph.output; value >= 0; --value) {  // each node stands after its inputs
            if (used_[static_cast<std::size_t>(value)] == 0) continue;
            live_.push_back(value);
            for (const Value input : graph.inputs_of(at(graph, value))) {
                used_[static_cast<std::size_t>(input)] = 1;
            }
        }
    }

    Interpreter interpreter_;
    Canonical canonical_;
    std::vector<std::uint8_t> used_;  // by node
    std::vector<Value> live_;
};

// Finds the rows of a table by their keys: open addressing, at most half full.
class Lookup {
  public:
    explicit Lookup(const TimeTable& table)
        : table_(table), slots_(std::bit_ceil(2 * std::max<std::size_t>(table.n, 1))) {
        for (std::size_t i = 0; i < table.n; ++i) {
            const std::int32_t* key = table.keys + i * kKeyWords;
            const std::uint64_t hash = hash_of(key);
            Slot& slot = slots_[place_of(key, hash)];
            if (slot.row != kFree) {
                throw std::invalid_argument("keys: row " + std::to_string(i) + " comes twice");
            }
            // Once more, as another thread may have changed it since.
            slot = {hash, i, std::clamp<std::int64_t>(table.picoseconds[i], 0, kMaxPicoseconds)};
        }
    }

    // Returns whether it was measured.
    bool find(const Graph& graph, const Node& node, std::int64_t& picoseconds) const {
        const NodeKey key = node_key(graph, node);
        const Slot& slot = slots_[place_of(key.data(), hash_of(key.data()))];
        picoseconds = slot.row == kFree ? estimate(graph, node) : slot.picoseconds;
        return slot.row != kFree;
    }

  private:
    static constexpr std::size_t kFree = SIZE_MAX;
    struct Slot {
        std::uint64_t hash = 0;
        std::size_t row = kFree;
        std::int64_t picoseconds = 0;
    };

    // Where the key is, or where it would go.
    std::size_t place_of(const std::int32_t* key, std::uint64_t hash) const {
        const std::size_t mask = slots_.size() - 1;
        std::size_t place = static_cast<std::size_t>(hash) & mask;
        while (slots_[place].row != kFree) {
            const Slot& slot = slots_[place];
            if (slot.hash == hash && std::equal(key, key + kKeyWords, table_.keys + slot.row * kKeyWords))
                break;
            place = (place + 1) & mask;
        }
        return place;
    }

    std::int64_t estimate(const Graph& graph, const Node& node) const {
        const double* e = table_.estimates + node_class(node) * kWorkWords;
        const NodeWork work = node_work(graph, node);
        const auto batch = static_cast<double>(table_.batch);
        const double bytes = kBytes * (batch * static_cast<double>(work[2]) + static_cast<double>(work[3]));
        const double time = e[0] + e[1] * (batch * static_cast<double>(work[0])) + e[2] * bytes +
                            e[3] * (batch * static_cast<double>(work[1]));
        const double most = static_cast<double>(kMaxPicoseconds);
        return static_cast<std::int64_t>(time > 0 ? std::min(time, most) + 0.5 : 0.0);
    }

    const TimeTable& table_;
    std::vector<Slot> slots_;
};

void put_shape(NodeKey& key, std::size_t place, const Shape& shape) {
    key[place] = shape.rank;
    std::copy(shape.dim.begin(), shape.dim.end(), key.begin() + static_cast<std::ptrdiff_t>(place) + 1);
}

}  // namespace

NodeKey node_key(const Graph& graph, const Node& node) {
    NodeKey key{};
    key[0] = static_cast<std::int32_t>(node.op);
    key[1] = node.n_inputs;
    std::copy(node.attrs.begin(), node.attrs.end(), key.begin() + 2);
    const auto inputs = graph.inputs_of(node);
    put_shape(key, 2 + kMaxAttrs, node.shape);
    for (std::size_t i = 0; i < std::min<std::size_t>(inputs.size(), 2); ++i) {
        put_shape(key, 2 + kMaxAttrs + 5 * (i + 1), at(graph, inputs[i]).shape);
    }
    return key;
}

NodeWork node_work(const Graph& graph, const Node& node) {
    const auto inputs = graph.inputs_of(node);
    const Shape& first = at(graph, inputs[0]).shape;
    const NodeCost cost = node_cost(node, first, inputs.size() < 2 ? first : at(graph, inputs[1]).shape);
    std::int64_t values = node.shape.elements();
    for (const Value input : inputs) values = checked_add(values, at(graph, input).shape.elements());
    return {cost.macs, cost.elementwise(), values, cost.params};
}

std::size_t node_class(const Node& node) {
    std::int32_t kind = 0;
    if (node.op == Op::kConv2d) {
        kind = node.attrs[kConvGroups] > 1 ? 2 : node.attrs[kConvKernel] == 1 ? 1 : 0;
    } else if (!info(node.op).kinds.empty()) {
        kind = std::clamp<std::int32_t>(node.attrs[0], 0, kClassesOfOp - 1);
    }
    return static_cast<std::size_t>(node.op) * kClassesOfOp + static_cast<std::size_t>(kind);
}

template <class T>
void latency(const Layout& layout, const T* genomes, std::size_t n, const TimeTable& table, const Times& out,
             const Threads& threads) {
    const Lookup lookup(table);
    parallel_for(n, kBlock, threads, [&](std::size_t begin, std::size_t end) {
        Reader reader(layout);
        for (std::size_t row = begin; row < end; ++row) {
            std::int64_t sum = 0, estimated = 0, nodes = 0;
            reader.row(genomes + row * layout.width(), row, false, [&](const Graph& graph, const Node& node) {
                std::int64_t time = 0;
                const bool measured = lookup.find(graph, node, time);
                sum += time;
                estimated += measured ? 0 : time;
                ++nodes;
            });
            out.picoseconds[row] = sum;
            out.estimated[row] = estimated;
            out.nodes[row] = nodes;
        }
    });
}

template <class T>
NodeList node_list(const Layout& layout, const T* genomes, std::size_t n, const Threads& threads) {
    NodeList list;
    Reader reader(layout);
    for (std::size_t row = 0; row < n; ++row) {
        if (threads.poll) threads.poll();
        reader.row(genomes + row * layout.width(), row, true, [&](const Graph& graph, const Node& node) {
            const NodeKey key = node_key(graph, node);
            const NodeWork work = node_work(graph, node);
            list.keys.insert(list.keys.end(), key.begin(), key.end());
            list.work.insert(list.work.end(), work.begin(), work.end());
            list.classes.push_back(static_cast<std::int32_t>(node_class(node)));
        });
        list.offsets.push_back(static_cast<std::int64_t>(list.classes.size()));
    }
    return list;
}

#define CAMBRIAN_FOR(T)                                                                         \
    template void latency(const Layout&, const T*, std::size_t, const TimeTable&, const Times&, \
                          const Threads&);                                                      \
    template NodeList node_list(const Layout&, const T*, std::size_t, const Threads&);
CAMBRIAN_FOR(std::uint8_t)
CAMBRIAN_FOR(std::uint16_t)
#undef CAMBRIAN_FOR

}  // namespace cambrian
