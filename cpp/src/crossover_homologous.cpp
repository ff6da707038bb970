#include <algorithm>
#include <cstring>

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

// What becomes of one repeat in a child. Slots of both parents are numbered through: those of the first from
// 0 on, those of the second from the repeat's max on. Gap g lies before the g-th matched pair.
struct Track {
    Alignment alignment;
    bool aligned = false;  // each slot is matched with the one at its place
    std::int32_t pairs = 0;
    std::int32_t length = 0;
    std::int32_t lengths[2] = {0, 0};   // of the parents
    std::vector<std::uint8_t> matched;  // of the slots, 1 or 0
    std::vector<std::uint32_t> coins;
    std::vector<std::uint8_t> swapped;   // whether the second parent fills a gap
    std::vector<std::int32_t> added[2];  // unmatched slots of each parent in the child up to the end of a gap
    std::vector<std::int32_t> home[2];   // of each slot of the child: where it comes from
    std::vector<std::int32_t> place;     // where the child has each slot

    Track(std::int32_t most, std::int32_t operations) : alignment(most, operations) {
        const std::size_t size = at(most) + 1;
        for (int parent = 0; parent < 2; ++parent) {
            added[parent].resize(size);
            home[parent].resize(2 * size);  // before the length is made to fit
        }
        coins.resize(bit_words(size));
        swapped.resize(size);
        matched.resize(2 * size);
        place.resize(2 * size);
    }
};

// Memory for one child at a time.
template <class T>
struct Room {
    std::vector<T> parents;   // both, in range
    std::vector<T> arranged;  // the same with their slots where the child has them
    std::vector<std::uint32_t> bits;
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
               Scratch<T>& scratch) const override {
        Words words(brood.source, brood.purpose, brood.first);
        auto& room = scratch.template kept<Room<T>>(this, [&] { return make_room(); });
        for (const std::size_t row : brood.rows) {
            T* child = children + row * width_;
            if (!rate_.holds(words.word())) {
                std::copy_n(first[row], width_, child);
                continue;
            }
            prepare(first[row], second[row], words, room);
            pick(room, child);
            repair(room, child);
        }
    }

  private:
    Room<T> make_room() const {
        Room<T> room;
        room.parents.resize(2 * width_);
        room.arranged.resize(2 * width_);
        room.bits.resize(bit_words(width_));
        for (const Part& part : parts_) room.tracks.emplace_back(part.shape.repeat.max, part.operations);
        return room;
    }

    void prepare(const T* first, const T* second, Words& words, Room<T>& room) const {
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
            track.length = track.lengths[0] = n;
            track.lengths[1] = m;
            track.aligned = align(parts_[p], n, m, track, room);
            if (!track.aligned) {
                fill_gaps(shape, n, m, words, track);
                arrange(shape, track, room);
            }
            // Slots that are not in use stay those of the first parent.
            std::copy(shape.slot(one, track.length), shape.slot(one, shape.repeat.max),
                      shape.slot(room.arranged.data() + width_, track.length));
        }
    }

    // Genes of matched slots together with all that lies outside the repeats.
    void pick(const Room<T>& room, T* child) const {
        const T *left = room.arranged.data(), *right = left + width_;
        const std::uint16_t row = 0;
        blend_({&left, &right, room.bits.data(), room.bits.size(), width_, child}, &row, 1);
    }

    void repair(const Room<T>& room, T* child) const {
        for (std::size_t p = 0; p < parts_.size(); ++p) {
            parts_[p].shape.set_length(child, room.tracks[p].length);
            if (!room.tracks[p].aligned) repair(parts_[p].shape, room.tracks[p], room.bits.data(), child);
        }
    }

    // True if each slot is matched with the one at its place.
    bool align(const Part& part, std::int32_t n, std::int32_t m, Track& track, Room<T>& room) const {
        static constexpr T kSame = 0;
        const T* one = part.operation < 0 ? &kSame : part.shape.slot(room.parents.data(), 0) + part.operation;
        const std::int32_t stride = part.operation < 0 ? 0 : part.shape.repeat.width;
        const Operations<T> ones{one, stride}, twos{part.operation < 0 ? one : one + width_, stride};
        if (n == m) {
            std::int32_t s = 0;
            while (s < n && ones[s] == twos[s]) ++s;
            if (s == n) return true;
        }
        std::fill(track.matched.begin(), track.matched.end(), std::uint8_t{0});
        const std::int32_t most = part.shape.repeat.max;
        track.pairs =
            track.alignment.run(ones, n, twos, m, track.matched.data(), track.matched.data() + most);
        return false;
    }

    // Which parent fills each gap. Those filled by the second parent are given back to the first, from the
    // last on, until the length is one that the repeat can have.
    void fill_gaps(const SlotShape& shape, std::int32_t n, std::int32_t m, Words& words, Track& track) const {
        const std::size_t gaps = at(track.pairs) + 1;
        fill_bits(swap_, gaps, words, track.coins.data());
        for (std::size_t gap = 0; gap < gaps; ++gap)
            track.swapped[gap] = has_bit(track.coins.data(), gap) ? 1 : 0;
        for (std::size_t last = gaps;;) {
            track.length =
                track.pairs + count(m, shape.repeat.max, track) + settle(n, shape.repeat.max, 0, track);
            if (track.length >= shape.repeat.min && track.length <= shape.repeat.max) break;
            do --last;
            while (track.swapped[last] == 0);
            track.swapped[last] = 0;
        }
        settle(m, shape.repeat.max, 1, track);
    }

    // Of the second parent's unmatched slots, those that the child gets; `added` holds how many up to each
    // gap's end.
    static std::int32_t count(std::int32_t slots, std::int32_t most, Track& track) {
        const std::uint8_t *matched = track.matched.data() + most, *swapped = track.swapped.data();
        std::int32_t* added = track.added[1].data();
        std::int32_t sum = 0;
        std::size_t gap = 0;
        added[0] = 0;
        for (std::int32_t s = 0; s < slots; ++s) {
            const int pair = matched[s];
            sum += swapped[gap] & (1 - pair);
            added[gap] = sum;
            gap += static_cast<std::size_t>(pair);
            added[gap] = sum;
        }
        return sum;
    }

    // Where each of one parent's slots goes: after those of its own that are there, and the other's unmatched
    // ones up to this gap. One that does not is written all the same, where the next matched slot overwrites
    // it. Returns how many unmatched ones go anywhere, which `added` holds for each gap's end.
    static std::int32_t settle(std::int32_t slots, std::int32_t most, int parent, Track& track) {
        const std::uint8_t *matched = track.matched.data() + parent * most, *swapped = track.swapped.data();
        const std::int32_t* others = track.added[1 - parent].data();
        std::int32_t* added = track.added[parent].data();
        std::int32_t *own = track.home[parent].data(), *other = track.home[1 - parent].data();
        std::int32_t* place = track.place.data() + parent * most;
        const std::int32_t nowhere = 2 * most + 1;
        std::int32_t sum = 0, pairs = 0, last = -1;
        added[0] = 0;
        for (std::int32_t s = 0; s < slots; ++s) {
            const std::int32_t pair = matched[s], number = s + parent * most;
            const std::int32_t alone = static_cast<std::int32_t>(swapped[pairs] == parent) & (1 - pair);
            const std::int32_t to = sum + pairs + others[pairs];
            own[to] = number;
            other[SlotReference::choose(alone != 0, to, nowhere)] = number;
            place[s] = SlotReference::choose((alone | pair) != 0, to, last);
            last = SlotReference::choose(pair != 0, to, last);
            sum += alone;
            added[pairs] = sum;
            pairs += pair;
            added[pairs] = sum;
        }
        return sum;
    }

    void arrange(const SlotShape& shape, const Track& track, Room<T>& room) const {
        const std::int32_t most = shape.repeat.max;
        const T* parents = shape.slot(room.parents.data(), 0);
        T* arranged = shape.slot(room.arranged.data(), 0);
        const std::size_t width = at(shape.repeat.width), bytes = width * sizeof(T);
        const std::size_t beyond =
            width_ - at(most) * width;  // from the first's last slot to the second's first
        const auto copy = [&](std::int32_t home, T* into) {
            const std::size_t slot = at(home);
            const T* from = parents + slot * width + (beyond & (0 - std::size_t{slot >= at(most)}));
            if (bytes == 8)
                std::memcpy(into, from, 8);  // a size known here costs no call
            else
                std::memcpy(into, from, bytes);
        };
        for (std::int32_t to = 0; to < track.length; ++to, arranged += width) {
            copy(track.home[0][at(to)], arranged);
            copy(track.home[1][at(to)], arranged + width_);
        }
    }

    static void repair(const SlotShape& shape, const Track& track, const std::uint32_t* bits, T* child) {
        // All in locals: a gene that is written may be a byte of anything.
        const std::int32_t most = shape.repeat.max, width = shape.repeat.width, length = track.length;
        const std::int32_t* homes[2] = {track.home[0].data(), track.home[1].data()};
        const std::int32_t* places = track.place.data();
        T* slots = shape.slot(child, 0);
        for (const SlotReference reference : shape.references) {
            T* genes = slots + reference.offset;
            for (std::int32_t to = 0; to < length; ++to) {
                const auto column = static_cast<std::size_t>(genes + to * width - child);
                const std::int32_t home = homes[has_bit(bits, column) ? 1 : 0][to];
                const std::int32_t base = most & -static_cast<std::int32_t>(home >= most);
                const std::int32_t moved = reference.moved(genes[to * width], home - base, to,
                                                           [=](std::int32_t t) { return places[base + t]; });
                genes[to * width] = static_cast<T>(moved);
            }
        }
        for (const SlotMask& mask : shape.masks) {
            for (std::int32_t to = 0; to < length; ++to) {
                T* gene = slots + to * width + mask.offset;
                const bool second = has_bit(bits, static_cast<std::size_t>(gene - child));
                const std::int32_t home = homes[second ? 1 : 0][to], base = home >= most ? most : 0;
                const auto position = [=](std::int32_t t) { return places[base + t]; };
                *gene = static_cast<T>(mask.moved(*gene, home - base, to, position));
            }
        }
        for (const SlotMask& mask : shape.ends) {
            const bool second = has_bit(bits, at(mask.offset));
            const auto position = [=](std::int32_t t) { return places[(second ? most : 0) + t]; };
            child[mask.offset] = static_cast<T>(
                mask.moved(child[mask.offset], track.lengths[second ? 1 : 0], length, position));
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
