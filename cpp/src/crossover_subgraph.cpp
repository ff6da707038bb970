#include <algorithm>
#include <cstring>

#include "cambrian/activity.hpp"
#include "cambrian/crossover.hpp"
#include "cambrian/limit.hpp"
#include "edge_cells.hpp"
#include "slot_graph.hpp"

namespace cambrian {
namespace {

std::size_t at(std::int64_t index) {
    return static_cast<std::size_t>(index);
}

// A cell as a graph of which parts are taken, and what may stand in its place.
struct Cell {
    EdgeCell cell;
    SlotWindow graph;  // its vertices in the place of slots
    std::vector<std::uint64_t> ends;
};

// Where each slot of a parent is in the child, and memory for one child at a time.
template <class T>
struct Room {
    SlotWindow first, second;
    std::vector<std::int32_t> place[2];
    std::vector<T> parents;  // both, in range
    std::vector<T> child;
    std::vector<std::uint8_t> active;
    std::vector<T> normal;
    std::vector<std::uint32_t> open;
};

template <class T>
class SubgraphCrosser final : public Crosser<T> {
  public:
    SubgraphCrosser(const Layout& layout, const SubgraphCrossover& crossover)
        : layout_(layout),
          width_(layout.width()),
          rate_(crossover.rate),
          size_(crossover.size),
          limit_(layout),
          graphs_(slot_graphs(layout)) {
        for (const SlotGraph& graph : graphs_) {
            settled_ = settled_ && graph.always_active();
            most_ = std::max(most_, graph.shape().repeat.max);
        }
        for (EdgeCell& cell : edge_cells(layout)) add_cell(std::move(cell));
        find_partners();
    }

    // The words are those of the block, of one child after the other.
    void cross(const Brood& brood, const T* const* first, const T* const* second, T* children,
               Scratch<T>& scratch) const override {
        Words words(brood.source, brood.purpose, brood.first);
        auto& room = scratch.template kept<Room<T>>(this, [&] { return make_room(); });
        for (const std::size_t row : brood.rows) {
            T* child = children + row * width_;
            if (!rate_.holds(words.word())) {
                std::copy_n(first[row], width_, child);
                continue;
            }
            std::copy_n(first[row], width_, room.parents.data());
            std::copy_n(second[row], width_, room.parents.data() + width_);
            limit_.apply(room.parents.data(), 2);
            std::copy_n(room.parents.data(), width_, room.child.data());
            change(words, room);
            std::copy_n(room.child.data(), width_, child);
        }
    }

  private:
    // Places are the repeats, then the cells.
    std::size_t places() const { return graphs_.size() + cells_.size(); }

    void add_cell(EdgeCell cell) {
        if (cell.vertices > kWindow || cell.vertices < 2) return;
        Cell made{std::move(cell), {}, {}};
        made.graph.count = made.cell.vertices;
        std::fill_n(made.graph.joined, kWindow, std::uint64_t{0});
        for (const EdgeCell::Edge& edge : made.cell.edges) {
            const std::uint64_t from = std::uint64_t{1} << edge.from, to = std::uint64_t{1} << edge.to;
            made.graph.joined[edge.from] |= to & ~from;
            made.graph.joined[edge.to] |= from & ~to;
            made.ends.push_back(from | to);
        }
        cells_.push_back(std::move(made));
    }

    void find_partners() {
        partners_.resize(places());
        for (std::size_t a = 0; a < graphs_.size(); ++a) {
            for (std::size_t b = 0; b < graphs_.size(); ++b) {
                if (exchangeable(layout_, graphs_[a], graphs_[b]))
                    partners_[a].push_back(static_cast<std::uint32_t>(b));
            }
        }
        for (std::size_t a = 0; a < cells_.size(); ++a) {
            for (std::size_t b = 0; b < cells_.size(); ++b) {
                if (exchangeable(layout_, cells_[a].cell, cells_[b].cell))
                    partners_[graphs_.size() + a].push_back(static_cast<std::uint32_t>(graphs_.size() + b));
            }
        }
        all_.resize(places());
        for (std::size_t i = 0; i < places(); ++i) all_[i] = static_cast<std::uint32_t>(i);
    }

    Room<T> make_room() const {
        Room<T> room;
        for (auto& place : room.place) place.resize(at(most_));
        room.parents.resize(2 * width_);
        room.child.resize(width_);
        room.active.resize(width_);
        room.normal.resize(width_);
        return room;
    }

    // A repeat of fixed length has no length gene; it takes part if anything in its first slot does.
    bool is_active(std::uint32_t place, const Room<T>& room) const {
        if (place >= graphs_.size() || graphs_[place].always_active()) return true;
        const Repeat& repeat = graphs_[place].shape().repeat;
        if (repeat.length_column >= 0) return room.active[at(repeat.length_column)] != 0;
        const auto first = room.active.begin() + repeat.first;
        return std::find(first, first + repeat.width, 1) != first + repeat.width;
    }

    // A uniform choice among those that take part in a parent; places() if none does.
    std::size_t pick(const std::vector<std::uint32_t>& among, const T* parent, Words& words,
                     Room<T>& room) const {
        const std::vector<std::uint32_t>* open = &among;
        if (!settled_) {
            normalise(layout_, parent, room.normal.data(), room.active.data());
            room.open.clear();
            for (const std::uint32_t place : among) {
                if (is_active(place, room)) room.open.push_back(place);
            }
            open = &room.open;
        }
        if (open->empty()) return places();
        return (*open)[words.below(static_cast<std::uint32_t>(open->size()))];
    }

    void change(Words& words, Room<T>& room) const {
        if (places() == 0) return change_run(words, room);
        const T* second = room.parents.data() + width_;
        const std::size_t a = pick(all_, room.parents.data(), words, room);
        if (a == places()) return;
        const std::size_t b = pick(partners_[a], second, words, room);
        if (b == places()) return;
        if (a >= graphs_.size())
            change_cell(cells_[a - graphs_.size()], cells_[b - graphs_.size()].cell, words, room);
        else
            change_slots(graphs_[a], graphs_[b], words, room);
    }

    static std::int32_t below(std::int32_t n, Words& words) {
        return static_cast<std::int32_t>(words.below(static_cast<std::uint32_t>(n)));
    }
    // The most that may be taken of so many: the share, rounded up, but at least one.
    std::int32_t most_of(std::int32_t n) const {
        const double share = size_ * n;
        const auto whole = static_cast<std::int32_t>(share);
        return std::max(whole + (share > whole ? 1 : 0), 1);
    }

    // Without slots or cells: neighbouring genes.
    void change_run(Words& words, Room<T>& room) const {
        const auto n = static_cast<std::int32_t>(width_);
        const std::int32_t count = 1 + below(most_of(n), words);
        const std::int32_t from = below(n - count + 1, words);
        std::copy_n(room.parents.data() + width_ + from, count, room.child.data() + from);
    }

    // The genes of all edges among some vertices.
    void change_cell(const Cell& cell, const EdgeCell& other, Words& words, Room<T>& room) const {
        const std::int32_t most = std::max(most_of(cell.graph.count), 2);
        const std::int32_t count = 2 + below(most - 1, words);
        const std::uint64_t part = grow(cell.graph, below(cell.graph.count, words), count, 2, words);
        const T* second = room.parents.data() + width_;
        for (std::size_t e = 0; e < cell.ends.size(); ++e) {
            if ((cell.ends[e] & ~part) == 0)
                room.child[at(cell.cell.edges[e].column)] = second[at(other.edges[e].column)];
        }
    }

    void change_slots(const SlotGraph& one, const SlotGraph& two, Words& words, Room<T>& room) const {
        const T *first = room.parents.data(), *second = first + width_;
        const Repeat& repeat = one.shape().repeat;
        const std::int32_t n = one.shape().length(first), m = two.shape().length(second);
        if (m == 0) return;
        const std::int32_t most = std::min({most_of(m), kWindow, repeat.max});
        const std::int32_t wanted = 1 + below(most, words), seed = below(m, words);
        two.read(second, m, seed, room.second);
        const std::uint64_t given = grow(room.second, seed - room.second.first, wanted, 1, words);
        const std::int32_t added = std::popcount(given);
        std::uint64_t taken = 0;
        room.first.first = 0;
        if (n > 0) {
            const std::int32_t least = std::max(n + added - repeat.max, 1);
            const std::int32_t limit =
                std::max(least, std::min({n + added - repeat.min, most_of(n), n, kWindow}));
            const std::int32_t count = least + below(limit - least + 1, words), from = below(n, words);
            one.read(first, n, from, room.first);
            taken = grow(room.first, from - room.first.first, count, least, words);
        }
        join(one.shape(), two.shape(), {n, m, taken, given}, room);
    }

    struct Parts {
        std::int32_t n, m;           // slots of the parents
        std::uint64_t taken, given;  // of their windows: what goes, and what comes in its place
    };

    // What comes stands together, where the first of what goes stood.
    void join(const SlotShape& one, const SlotShape& two, const Parts& parts, Room<T>& room) const {
        const T *first = room.parents.data(), *second = first + width_;
        T* child = room.child.data();
        const std::int32_t start = parts.taken == 0 ? 0 : room.first.first + std::countr_zero(parts.taken);
        const std::int32_t added = place_given(parts, start, room);
        const std::int32_t length = place_kept(parts, start, added, room);
        const auto move = [&](const SlotShape& shape, const T* parent, int which, std::int32_t from) {
            const std::int32_t* places = room.place[which].data();
            T* slot = one.slot(child, places[from]);
            std::copy_n(shape.slot(parent, from), one.repeat.width, slot);
            one.move_references(slot, from, places[from], [=](std::int32_t t) { return places[t]; });
        };
        for (std::uint64_t left = parts.given; left != 0; left &= left - 1)
            move(two, second, 1, room.second.first + std::countr_zero(left));
        const auto gone = [&](std::int32_t s) {
            const std::int32_t bit = s - room.first.first;
            return bit >= 0 && bit < kWindow && (parts.taken >> bit & 1) != 0;
        };
        for (std::int32_t s = start; s < parts.n; ++s) {
            if (!gone(s)) move(one, first, 0, s);
        }
        one.move_ends(child, parts.n, length, [&](std::int32_t t) { return room.place[0][at(t)]; });
        one.set_length(child, length);
    }

    // The second parent's slots: others are named by their number among such, or the last before what comes.
    static std::int32_t place_given(const Parts& parts, std::int32_t start, Room<T>& room) {
        std::int32_t* place = room.place[1].data();
        std::int32_t added = 0;
        for (std::int32_t s = 0; s < parts.m; ++s) {
            const std::int32_t bit = s - room.second.first;
            const bool inside = bit >= 0 && bit < kWindow && (parts.given >> bit & 1) != 0;
            place[s] = inside ? start + added : std::min(s - added, start - 1);
            added += inside ? 1 : 0;
        }
        return added;
    }

    // The first's: those that go are named by the one that comes with their number, or the last that comes.
    // Returns how many slots there are.
    static std::int32_t place_kept(const Parts& parts, std::int32_t start, std::int32_t added,
                                   Room<T>& room) {
        std::int32_t* place = room.place[0].data();
        std::int32_t gone = 0;
        for (std::int32_t s = 0; s < parts.n; ++s) {
            const std::int32_t bit = s - room.first.first;
            const bool goes = bit >= 0 && bit < kWindow && (parts.taken >> bit & 1) != 0;
            place[s] = goes ? start + std::min(gone, added - 1) : s < start ? s : s - gone + added;
            gone += goes ? 1 : 0;
        }
        return parts.n - gone + added;
    }

    const Layout& layout_;
    std::size_t width_;
    Chance rate_;
    double size_;
    Limit<T> limit_;
    std::vector<SlotGraph> graphs_;
    std::vector<Cell> cells_;
    std::vector<std::uint32_t> all_;
    std::vector<std::vector<std::uint32_t>> partners_;  // of each place: what can stand there
    std::int32_t most_ = 1;                             // slots of a repeat
    bool settled_ = true;                               // all repeats take part in every genome
};

}  // namespace

template <class T>
std::unique_ptr<Crosser<T>> make_subgraph_crosser(const Layout& layout, const SubgraphCrossover& crossover) {
    return std::make_unique<SubgraphCrosser<T>>(layout, crossover);
}

template std::unique_ptr<Crosser<std::uint8_t>> make_subgraph_crosser(const Layout&,
                                                                      const SubgraphCrossover&);
template std::unique_ptr<Crosser<std::uint16_t>> make_subgraph_crosser(const Layout&,
                                                                       const SubgraphCrossover&);

}  // namespace cambrian
