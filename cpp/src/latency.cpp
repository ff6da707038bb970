#include "cambrian/latency.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <unordered_map>

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

struct KeyHash {
    std::size_t operator()(const NodeKey& key) const {
        std::uint64_t hash = 0;
        for (std::size_t i = 0; i + 1 < key.size(); i += 2) hash = mix(hash ^ word_of(key[i], key[i + 1]), i);
        return static_cast<std::size_t>(mix(hash ^ word_of(key.back(), 0), key.size()));
    }
};

// The nodes of genomes, network after network.
class Reader {
  public:
    explicit Reader(const Layout& layout) : interpreter_(layout) {}

    template <class T, class Visit>
    void row(const T* genome, std::size_t row, Visit visit) {
        try {
            interpreter_.read(genome);
            const Graph& graph = interpreter_.expand();
            canonical_.order(graph);
            for (const Value value : canonical_.nodes()) {
                const Node& node = at(graph, value);
                if (node.n_inputs > 0) visit(graph, node);
            }
        } catch (const std::invalid_argument& error) {
            throw std::invalid_argument("genomes: row " + std::to_string(row) + ": " + error.what());
        }
    }

  private:
    Interpreter interpreter_;
    Canonical canonical_;
};

class Lookup {
  public:
    explicit Lookup(const TimeTable& table) : table_(table) {
        known_.reserve(table.n);
        for (std::size_t i = 0; i < table.n; ++i) {
            NodeKey key;
            std::copy_n(table.keys + i * kKeyWords, kKeyWords, key.begin());
            const bool added = known_.emplace(key, table.picoseconds[i]).second;
            if (!added) throw std::invalid_argument("keys: row " + std::to_string(i) + " comes twice");
        }
    }

    // Returns whether it was measured.
    bool find(const Graph& graph, const Node& node, std::int64_t& picoseconds) const {
        const auto found = known_.find(node_key(graph, node));
        if (found == known_.end()) {
            picoseconds = estimate(graph, node);
            return false;
        }
        picoseconds = found->second;
        return true;
    }

  private:
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
    std::unordered_map<NodeKey, std::int64_t, KeyHash> known_;
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
            reader.row(genomes + row * layout.width(), row, [&](const Graph& graph, const Node& node) {
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
        reader.row(genomes + row * layout.width(), row, [&](const Graph& graph, const Node& node) {
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
