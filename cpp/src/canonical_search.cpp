#include "canonical_search.hpp"

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <tuple>
#include <unordered_set>

#include "certificate.hpp"
#include "walk.hpp"

namespace cambrian {
namespace {

constexpr std::size_t kMaxWork = std::size_t{1} << 28;  // edges looked at while refining: about a second
constexpr std::size_t kMaxDepth = 1000;                 // each level keeps its colours

std::size_t at(std::int32_t index) {
    return static_cast<std::size_t>(index);
}

using Colours = std::vector<std::uint64_t>;

struct Leaf {
    std::vector<std::uint64_t> trace;        // one fingerprint of the colours a level
    std::vector<std::uint64_t> certificate;  // compared after the trace
    std::vector<Value> path;                 // nodes that were individualised
    std::vector<Value> order;
    std::vector<Value> number;
};

class Search {
  public:
    explicit Search(const Graph& graph) : graph_(graph), inputs_(graph.inputs) { link(); }

    std::size_t run(std::vector<Value>& order, std::vector<Value>& number) {
        Colours colours(graph_.nodes.size(), 0);
        for (const Value node : live_) colours[at(node)] = graph_.keys[at(node)];
        explore(std::move(colours));
        order = std::move(best_.order);
        number = std::move(best_.number);
        return leaves_;
    }

  private:
    struct User {
        Value node;
        std::uint64_t place;  // which of its inputs, where that matters
    };

    struct Level {
        Colours colours;
        std::vector<Value> left;  // of the operands that tie
        std::vector<Value> explored;
    };

    void link();
    void refine(Colours& colours);
    std::size_t spread(const Colours& colours);
    std::uint64_t fingerprint(const Colours& colours) const;
    bool promising(std::uint64_t print);
    std::size_t enter(Colours colours);
    void explore(Colours colours);
    std::size_t leaf();
    std::size_t automorphism();
    bool reached(Value candidate, const std::vector<Value>& explored) const;
    void sort_inputs(const Colours& colours);
    static std::uint64_t place(const Node& node, std::size_t input) {
        return node.commutative ? 0 : input + 1;
    }

    const Graph& graph_;
    Walk walk_;
    std::vector<Value> inputs_;  // the graph's, sorted by colour where they commute
    std::vector<Value> live_;
    std::vector<std::size_t> first_user_;
    std::vector<User> users_;
    std::vector<std::vector<Value>> automorphisms_;  // node → node
    std::vector<Level> levels_;
    std::vector<Value> path_;  // what was individualised at each level
    std::vector<std::uint64_t> trace_;
    Leaf best_;
    std::size_t leaves_ = 0;
    std::size_t work_ = 0;
    Colours next_;
    std::vector<Value> buffer_;
};

// Live nodes, and who reads each of them at which place.
void Search::link() {
    const std::size_t n = graph_.nodes.size();
    std::vector<std::uint8_t> live(n, 0);
    std::vector<std::size_t> count(n + 1, 0);
    live[at(graph_.output)] = 1;
    for (Value value = graph_.output; value >= 0; --value) {
        if (live[at(value)] == 0) continue;
        live_.push_back(value);
        for (const Value input : graph_.inputs_of(graph_.nodes[at(value)])) {
            live[at(input)] = 1;
            ++count[at(input) + 1];
        }
    }
    std::partial_sum(count.begin(), count.end(), count.begin());
    first_user_ = count;
    users_.resize(count.back());
    for (const Value value : live_) {
        const Node& node = graph_.nodes[at(value)];
        const auto inputs = graph_.inputs_of(node);
        for (std::size_t i = 0; i < inputs.size(); ++i)
            users_[count[at(inputs[i])]++] = {value, place(node, i)};
    }
}

std::size_t Search::spread(const Colours& colours) {
    std::unordered_set<std::uint64_t> seen;
    for (const Value node : live_) seen.insert(colours[at(node)]);
    return seen.size();
}

// Colours nodes by the colours around them until no cell splits any more.
void Search::refine(Colours& colours) {
    next_.assign(colours.size(), 0);
    for (std::size_t cells = spread(colours), before = 0; cells > before;) {
        work_ += live_.size() + 2 * users_.size();
        if (work_ > kMaxWork || path_.size() > kMaxDepth) {
            throw std::invalid_argument("the network is too symmetric for its canonical form to be found");
        }
        for (const Value value : live_) {
            const Node& node = graph_.nodes[at(value)];
            const auto inputs = graph_.inputs_of(node);
            std::uint64_t below = 0, above = 0;
            for (std::size_t i = 0; i < inputs.size(); ++i)
                below += mix(colours[at(inputs[i])], 2 * place(node, i));
            for (std::size_t u = first_user_[at(value)]; u < first_user_[at(value) + 1]; ++u) {
                above += mix(colours[at(users_[u].node)], 2 * users_[u].place + 1);
            }
            next_[at(value)] = mix(mix(colours[at(value)], below), above);
        }
        colours.swap(next_);
        before = cells;
        cells = spread(colours);
    }
}

// The same for every order in which the nodes might be held.
std::uint64_t Search::fingerprint(const Colours& colours) const {
    Colours sorted;
    for (const Value node : live_) sorted.push_back(colours[at(node)]);
    std::sort(sorted.begin(), sorted.end());
    return std::accumulate(sorted.begin(), sorted.end(), std::uint64_t{0}, mix);
}

// False if every complete order below is worse than the best one found.
bool Search::promising(std::uint64_t print) {
    trace_.resize(path_.size());
    trace_.push_back(print);
    if (leaves_ == 0) return true;
    const std::size_t common = std::min(trace_.size(), best_.trace.size());
    for (std::size_t i = 0; i < common; ++i) {
        if (trace_[i] != best_.trace[i]) return trace_[i] < best_.trace[i];
    }
    return trace_.size() <= best_.trace.size();
}

void Search::sort_inputs(const Colours& colours) {
    for (const Value value : live_) {
        const Node& node = graph_.nodes[at(value)];
        if (!node.commutative) continue;
        Value* first = inputs_.data() + node.first_input;
        std::sort(first, first + node.n_inputs,
                  [&](Value a, Value b) { return colours[at(a)] < colours[at(b)]; });
    }
}

// Refines the colours at the end of the path. A tie opens a level that holds the ways to resolve it. Returns
// how many levels stay open: fewer where an automorphism shows whole branches to be copies of earlier ones.
std::size_t Search::enter(Colours colours) {
    refine(colours);
    if (!promising(fingerprint(colours))) return levels_.size();
    sort_inputs(colours);
    if (walk_.run(graph_, inputs_, colours)) return leaf();
    levels_.push_back({std::move(colours), walk_.tie, {}});
    return levels_.size();
}

// Depth first over all ways to resolve all ties.
void Search::explore(Colours colours) {
    enter(std::move(colours));
    while (!levels_.empty()) {
        Level& level = levels_.back();
        path_.resize(levels_.size() - 1);
        const auto next = std::find_if(level.left.begin(), level.left.end(),
                                       [&](Value candidate) { return !reached(candidate, level.explored); });
        if (next == level.left.end()) {
            levels_.pop_back();
            continue;
        }
        const Value candidate = *next;
        level.left.erase(level.left.begin(), next + 1);
        level.explored.push_back(candidate);
        Colours individualised = level.colours;
        individualised[at(candidate)] = mix(individualised[at(candidate)], path_.size());
        path_.push_back(candidate);
        levels_.resize(enter(std::move(individualised)));
    }
}

std::size_t Search::leaf() {
    ++leaves_;
    std::vector<std::uint64_t> certificate(certificate_bound(graph_));
    const auto* end =
        write_certificate(graph_, walk_.order, walk_.number.data(), buffer_, certificate.data());
    certificate.resize(static_cast<std::size_t>(end - certificate.data()));
    if (leaves_ > 1 && trace_ == best_.trace && certificate == best_.certificate) return automorphism();
    if (leaves_ == 1 || std::tie(trace_, certificate) < std::tie(best_.trace, best_.certificate)) {
        best_ = {trace_, std::move(certificate), path_, walk_.order, walk_.number};
    }
    return levels_.size();
}

// Two orders that read the same map the graph onto itself.
std::size_t Search::automorphism() {
    std::vector<Value> map(graph_.nodes.size());
    std::iota(map.begin(), map.end(), 0);
    for (std::size_t i = 0; i < walk_.order.size(); ++i) map[at(best_.order[i])] = walk_.order[i];
    const auto [mine, theirs] =
        std::mismatch(path_.begin(), path_.end(), best_.path.begin(), best_.path.end());
    const auto fork = static_cast<std::size_t>(mine - path_.begin());
    bool copy = mine != path_.end() && theirs != best_.path.end() && map[at(*theirs)] == *mine;
    for (std::size_t i = 0; i < fork; ++i) copy = copy && map[at(path_[i])] == path_[i];
    automorphisms_.push_back(std::move(map));
    return copy ? fork + 1 : levels_.size();
}

// True if an automorphism that leaves the path alone takes an explored node to the candidate.
bool Search::reached(Value candidate, const std::vector<Value>& explored) const {
    if (explored.empty() || automorphisms_.empty()) return false;
    std::vector<Value> root(graph_.nodes.size());
    std::iota(root.begin(), root.end(), 0);
    const auto find = [&](Value node) {
        while (root[at(node)] != node) node = root[at(node)] = root[at(root[at(node)])];
        return node;
    };
    for (const auto& map : automorphisms_) {
        if (!std::all_of(path_.begin(), path_.end(), [&](Value node) { return map[at(node)] == node; }))
            continue;
        for (const Value node : live_) root[at(find(node))] = find(map[at(node)]);
    }
    return std::any_of(explored.begin(), explored.end(),
                       [&](Value node) { return find(node) == find(candidate); });
}

}  // namespace

std::size_t search_order(const Graph& graph, std::vector<Value>& order, std::vector<Value>& number) {
    return Search(graph).run(order, number);
}

}  // namespace cambrian
