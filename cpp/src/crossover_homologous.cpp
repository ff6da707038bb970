#include <algorithm>

#include "alignment.hpp"
#include "cambrian/crossover.hpp"
#include "cambrian/limit.hpp"
#include "slots.hpp"
#include "units.hpp"

namespace cambrian {
namespace {

std::size_t at(std::int32_t index) {
    return static_cast<std::size_t>(index);
}

// An outermost repeat, and which gene says what its slots do.
struct Part {
    SlotShape shape;
    std::int32_t operation = -1;  // column within the slot: its first unordered gene, if there is one
    std::int32_t operations = 1;

    Part(const Layout& layout, const Repeat& repeat) : shape(layout, repeat) {
        for (std::int32_t i = repeat.width - 1; i >= 0; --i) {
            const Column& column = layout.columns[at(repeat.first + i)];
            if (column.kind == GeneKind::kChoice) operation = i;
        }
        for (std::int32_t s = 0; operation >= 0 && s < repeat.max; ++s) {
            const Column& column = layout.columns[at(repeat.first + s * repeat.width + operation)];
            operations = std::max(operations, column.options);
        }
    }
};

// Neighbouring slots of the child, and where they come from: matched ones from `first` on of the one parent
// and `second` on of the other; others from the one whose run was chosen.
struct Run {
    std::int32_t first, firsts;  // slots of the first parent
    std::int32_t second, seconds;
    bool matched;
    bool swapped;  // the second parent's run

    std::int32_t count() const { return matched || !swapped ? firsts : seconds; }
};

// What becomes of one repeat in a child.
struct Track {
    Alignment alignment;
    std::int32_t length = 0;
    std::vector<Run> runs;               // none: each slot is matched with the one at its place
    std::vector<std::int32_t> place[2];  // where the child has the slots of each parent
};

// Memory for the children of one block.
template <class T>
struct Room {
    std::vector<T> parents;   // both, in range
    std::vector<T> arranged;  // the same with their slots where the child has them
    std::vector<std::uint32_t> bits;
    std::vector<std::int32_t> operations, partner;
    std::vector<Track> tracks;
};

template <class T>
class HomologousCrosser final : public Crosser<T> {
  public:
    HomologousCrosser(const Layout& layout, const HomologousCrossover& crossover)
        : width_(layout.width()), rate_(crossover.rate), swap_(crossover.swap), limit_(layout) {
        for (const Repeat& repeat : layout.repeats) {
            if (repeat.parent >= 0) continue;
            parts_.emplace_back(layout, repeat);
            most_ = std::max(most_, repeat.max);
        }
    }

    // The words are those of the block, of one child after the other.
    void cross(const Brood& brood, const T* const* first, const T* const* second, T* children,
               Scratch<T>&) const override {
        Words words(brood.source, brood.purpose, brood.first);
        Room<T> room = make_room();
        for (const std::size_t row : brood.rows) {
            T* child = children + row * width_;
            if (rate_.holds(words.word()))
                cross_one(first[row], second[row], child, words, room);
            else
                std::copy_n(first[row], width_, child);
        }
    }

  private:
    Room<T> make_room() const {
        Room<T> room;
        room.parents.resize(2 * width_);
        room.arranged.resize(2 * width_);
        room.bits.resize(bit_words(width_));
        room.operations.resize(2 * at(most_));
        room.partner.resize(at(most_));
        for (const Part& part : parts_) {
            const std::int32_t most = part.shape.repeat.max;
            room.tracks.push_back({Alignment(most, part.operations), 0, {}, {}});
            for (auto& place : room.tracks.back().place) place.resize(at(most));
        }
        return room;
    }

    void cross_one(const T* first, const T* second, T* child, Words& words, Room<T>& room) const {
        T *one = room.parents.data(), *two = one + width_;
        std::copy_n(first, width_, one);
        std::copy_n(second, width_, two);
        limit_.apply(one, 2);
        std::copy_n(one, 2 * width_, room.arranged.data());
        fill_bits(swap_, width_, words, room.bits.data());
        for (std::size_t p = 0; p < parts_.size(); ++p) {
            const SlotShape& shape = parts_[p].shape;
            Track& track = room.tracks[p];
            const std::int32_t n = shape.length(one), m = shape.length(two);
            track.runs.clear();
            track.length = n;
            if (align(parts_[p], n, m, track.alignment, room)) {
                leave_unused(shape, n, room);
                continue;
            }
            find_runs(n, m, room.partner.data(), words, track.runs);
            fit(shape, track.runs);
            arrange(shape, track, room);
        }
        // Genes of matched slots are picked together with all that lies outside the repeats.
        const T *left = room.arranged.data(), *right = left + width_;
        const std::uint16_t row = 0;
        blend_({&left, &right, room.bits.data(), room.bits.size(), width_, child}, &row, 1);
        for (std::size_t p = 0; p < parts_.size(); ++p) {
            parts_[p].shape.set_length(child, room.tracks[p].length);
            repair(parts_[p].shape, room.tracks[p], room.bits.data(), child);
        }
    }

    // True if each slot is matched with the one at its place.
    bool align(const Part& part, std::int32_t n, std::int32_t m, Alignment& alignment, Room<T>& room) const {
        std::int32_t *ones = room.operations.data(), *twos = ones + most_;
        if (part.operation < 0) {
            std::fill_n(ones, 2 * most_, 0);
        } else {
            const T *one = part.shape.slot(room.parents.data(), 0) + part.operation, *two = one + width_;
            for (std::int32_t s = 0; s < n; ++s) ones[s] = one[s * part.shape.repeat.width];
            for (std::int32_t s = 0; s < m; ++s) twos[s] = two[s * part.shape.repeat.width];
        }
        if (n == m && std::equal(ones, ones + n, twos)) return true;
        alignment.run(ones, n, twos, m, room.partner.data());
        return false;
    }

    void find_runs(std::int32_t n, std::int32_t m, const std::int32_t* partner, Words& words,
                   std::vector<Run>& runs) const {
        runs.clear();
        std::int32_t i = 0, j = 0;
        while (i < n || j < m) {
            std::int32_t end = i;
            while (end < n && partner[end] < 0) ++end;
            const std::int32_t other = end < n ? partner[end] : m;
            if (end > i || other > j)
                runs.push_back({i, end - i, j, other - j, false, swap_.holds(words.word())});
            i = end;
            j = other;
            while (end < n && partner[end] == j + end - i) ++end;
            if (end > i) runs.push_back({i, end - i, j, end - i, true, false});
            j += end - i;
            i = end;
        }
    }

    // Runs of the second parent are given back from the last on until the length is one that the repeat can
    // have.
    static void fit(const SlotShape& shape, std::vector<Run>& runs) {
        std::int32_t length = 0;
        for (const Run& run : runs) length += run.count();
        for (auto run = runs.rbegin(); length < shape.repeat.min || length > shape.repeat.max; ++run) {
            length -= run->count();
            run->swapped = false;
            length += run->count();
        }
    }

    void arrange(const SlotShape& shape, Track& track, Room<T>& room) const {
        const std::int32_t width = shape.repeat.width;
        const T *one = room.parents.data(), *two = one + width_;
        T *left = shape.slot(room.arranged.data(), 0), *right = left + width_;
        std::int32_t to = 0;
        for (const Run& run : track.runs) {
            const bool kept = run.matched || !run.swapped, taken = run.matched || run.swapped;
            for (std::int32_t s = 0; s < run.firsts; ++s)
                track.place[0][at(run.first + s)] = kept ? to + s : to - 1;
            for (std::int32_t s = 0; s < run.seconds; ++s)
                track.place[1][at(run.second + s)] = taken ? to + s : to - 1;
            const T *from = shape.slot(one, run.first), *other = shape.slot(two, run.second);
            std::copy_n(kept ? from : other, run.count() * width, left + to * width);
            std::copy_n(taken ? other : from, run.count() * width, right + to * width);
            to += run.count();
        }
        track.length = to;
        leave_unused(shape, to, room);
    }

    // Slots that are not in use stay those of the first parent.
    void leave_unused(const SlotShape& shape, std::int32_t length, Room<T>& room) const {
        const T* from = shape.slot(room.parents.data(), length);
        const T* end = shape.slot(room.parents.data(), shape.repeat.max);
        T* left = shape.slot(room.arranged.data(), length);
        std::copy(from, end, left);
        std::copy(from, end, left + width_);
    }

    static void repair(const SlotShape& shape, const Track& track, const std::uint32_t* bits, T* child) {
        if (shape.references.empty()) return;
        std::int32_t to = 0;
        for (const Run& run : track.runs) {
            for (std::int32_t s = 0; s < run.count(); ++s, ++to) {
                T* slot = shape.slot(child, to);
                for (const SlotReference& reference : shape.references) {
                    const auto column = static_cast<std::size_t>(slot + reference.offset - child);
                    const bool second = run.matched ? has_bit(bits, column) : run.swapped;
                    const std::int32_t* place = track.place[second ? 1 : 0].data();
                    T& value = slot[reference.offset];
                    value = static_cast<T>(reference.moved(value, (second ? run.second : run.first) + s, to,
                                                           [=](std::int32_t t) { return place[t]; }));
                }
            }
        }
    }

    std::size_t width_;
    Chance rate_;
    Chance swap_;
    Limit<T> limit_;
    Blend<T> blend_ = choose_blend<T>();
    std::vector<Part> parts_;
    std::int32_t most_ = 0;  // slots of a repeat
};

}  // namespace

template <class T>
std::unique_ptr<Crosser<T>> make_homologous_crosser(const Layout& layout,
                                                    const HomologousCrossover& crossover) {
    return std::make_unique<HomologousCrosser<T>>(layout, crossover);
}

template std::unique_ptr<Crosser<std::uint8_t>> make_homologous_crosser(const Layout&,
                                                                        const HomologousCrossover&);
template std::unique_ptr<Crosser<std::uint16_t>> make_homologous_crosser(const Layout&,
                                                                         const HomologousCrossover&);

}  // namespace cambrian
