#include <algorithm>
#include <cstring>
#include <span>

#include "cambrian/crossover.hpp"
#include "cambrian/limit.hpp"
#include "cambrian/simd.hpp"
#include "slots.hpp"
#include "track.hpp"
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

// Memory for some children, whose slots are aligned together; the rest is done for one after the other.
template <class T>
struct Room {
    std::vector<T> parents;   // both of each, in range
    const T* one = nullptr;   // this child's first parent; the second follows it
    std::vector<T> arranged;  // the same with their slots where the child has them
    std::vector<std::uint32_t> bits;
    std::vector<Track> tracks;
};

template <class T>
class HomologousCrosser final : public Crosser<T> {
  public:
    HomologousCrosser(const Layout& layout, const HomologousCrossover& crossover)
        : width_(layout.width()), rate_(crossover.rate), swap_(crossover.swap), limit_(layout) {
        std::vector<std::uint8_t> inside(width_);
        for (const Repeat& repeat : layout.repeats) {
            if (repeat.parent >= 0) continue;
            parts_.emplace_back(layout, repeat);
            std::fill_n(inside.begin() + repeat.first, repeat.max * repeat.width, std::uint8_t{1});
        }
        for (std::size_t c = 0; c < width_; ++c) {
            if (inside[c] == 0) outside_.push_back(c);
        }
        constexpr std::size_t kNear = 1024;  // genes of so many parents stay in the nearest cache
        together_ = width_ <= kNear && simd() != Simd::kScalar ? Pairs::kLanes : 1;
    }

    // The words are those of the block, of one child after the other.
    void cross(const Brood& brood, const T* const* first, const T* const* second, T* children,
               Scratch<T>& scratch) const override {
        Words words(brood.source, brood.purpose, brood.first);
        auto& room = scratch.template kept<Room<T>>(this, [&] { return make_room(); });
        for (std::size_t from = 0; from < brood.rows.size(); from += together_) {
            const auto rows = brood.rows.subspan(from, std::min(together_, brood.rows.size() - from));
            read(rows, first, second, room);
            for (std::size_t i = 0; i < rows.size(); ++i) {
                T* child = children + rows[i] * width_;
                room.one = room.parents.data() + 2 * i * width_;
                if (!rate_.holds(words.word())) {
                    std::copy_n(room.one, width_, child);
                    continue;
                }
                prepare(i, words, room);
                pick(room, child);
                repair(room, child);
            }
        }
    }

    bool limits() const override { return true; }

  private:
    Room<T> make_room() const {
        Room<T> room;
        room.parents.resize(together_ * 2 * width_);
        room.arranged.resize(2 * width_);
        room.bits.resize(bit_words(width_));
        for (const Part& part : parts_) room.tracks.emplace_back(part.shape.repeat.max, part.operations);
        return room;
    }

    bool lanes(const Part& part) const { return together_ > 1 && at(part.shape.repeat.max) <= Pairs::kMost; }

    static Operations<T> operations(const Part& part, const T* genome) {
        static constexpr T kSame = 0;
        if (part.operation < 0) return {&kSame, 0};
        return {part.shape.slot(genome, 0) + part.operation, part.shape.repeat.width};
    }

    void read(std::span<const std::uint16_t> rows, const T* const* first, const T* const* second,
              Room<T>& room) const {
        T* into = room.parents.data();
        for (const std::size_t row : rows) {
            limit_.copy(first[row], 1, into);
            limit_.copy(second[row], 1, into + width_);
            into += 2 * width_;
        }
        for (std::size_t p = 0; p < parts_.size(); ++p) {
            const Part& part = parts_[p];
            if (!lanes(part)) continue;
            Pairs& pairs = room.tracks[p].pairings;
            const std::int32_t most = part.shape.repeat.max;
            for (std::size_t i = 0; i < rows.size(); ++i) {
                const T *one = room.parents.data() + 2 * i * width_, *two = one + width_;
                const Operations<T> ones = operations(part, one), twos = operations(part, two);
                pairs.n[i] = static_cast<std::uint16_t>(part.shape.length(one));
                pairs.m[i] = static_cast<std::uint16_t>(part.shape.length(two));
                for (std::int32_t s = 0; s < most; ++s) {
                    pairs.first[at(s)][i] = static_cast<std::uint16_t>(ones[s]);
                    pairs.second[at(s)][i] = static_cast<std::uint16_t>(twos[s]);
                }
            }
            cambrian::align(pairs, at(most));
        }
    }

    void prepare(std::size_t number, Words& words, Room<T>& room) const {
        const T *one = room.one, *two = one + width_;
        T* arranged = room.arranged.data();
        for (const std::size_t c : outside_) {
            arranged[c] = one[c];
            arranged[width_ + c] = two[c];
        }
        fill_bits(swap_, width_, words, room.bits.data());
        for (std::size_t p = 0; p < parts_.size(); ++p) {
            const SlotShape& shape = parts_[p].shape;
            Track& track = room.tracks[p];
            const std::int32_t n = shape.length(one), m = shape.length(two);
            track.length = track.lengths[0] = n;
            track.lengths[1] = m;
            if (lanes(parts_[p]))
                track.take(number);
            else
                align(parts_[p], n, m, track, room);
            if (!track.aligned) track.fill_gaps(shape.repeat, n, m, swap_, words);
            arrange(shape, track, room);
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
            if (!room.tracks[p].aligned) repair(parts_[p].shape, room.tracks[p], room, child);
        }
    }

    void align(const Part& part, std::int32_t n, std::int32_t m, Track& track, const Room<T>& room) const {
        const Operations<T> ones = operations(part, room.one), twos = operations(part, room.one + width_);
        std::int32_t s = 0;
        while (n == m && s < n && ones[s] == twos[s]) ++s;
        track.aligned = n == m && s == n;
        if (track.aligned) return;
        std::uint8_t *first = track.one_by_one.data(), *second = first + part.shape.repeat.max;
        std::fill(track.one_by_one.begin(), track.one_by_one.end(), std::uint8_t{0});
        track.pairs = track.alignment.run(ones, n, twos, m, first, second);
        track.matched[0] = first;
        track.matched[1] = second;
    }

    void arrange(const SlotShape& shape, const Track& track, Room<T>& room) const {
        const std::size_t width = at(shape.repeat.width), bytes = width * sizeof(T);
        const std::size_t most = at(shape.repeat.max), length = at(track.length);
        const std::size_t beyond = width_ - most * width;  // from the first's last slot to the second's first
        const T* parents = shape.slot(room.one, 0);
        T* arranged = shape.slot(room.arranged.data(), 0);
        const auto copy = [=](std::size_t slot, T* into) {
            const T* from = parents + slot * width + (beyond & (0 - std::size_t{slot >= most}));
            if (bytes == 8)
                std::memcpy(into, from, 8);  // a size known here costs no call
            else
                std::memcpy(into, from, bytes);
        };
        const std::int32_t *one = track.home[0].data(), *two = track.home[1].data();
        std::size_t to = 0;
        for (; to < length; ++to, arranged += width) {
            copy(track.aligned ? to : at(one[to]), arranged);
            copy(track.aligned ? most + to : at(two[to]), arranged + width_);
        }
        // Slots that are not in use stay those of the first parent.
        for (; to < most; ++to, arranged += width) {
            copy(to, arranged);
            copy(to, arranged + width_);
        }
    }

    // What the child was written from is read, as its own genes may still be on their way to memory.
    void repair(const SlotShape& shape, const Track& track, const Room<T>& room, T* child) const {
        // All in locals: a gene that is written may be a byte of anything.
        const std::int32_t most = shape.repeat.max, length = track.length;
        const std::size_t width = at(shape.repeat.width);
        const std::int32_t* homes[2] = {track.home[0].data(), track.home[1].data()};
        const std::int32_t* places = track.place.data();
        const std::uint32_t* bits = room.bits.data();
        const T* arranged = room.arranged.data();
        for (const SlotReference reference : shape.references) {
            std::size_t column = at(shape.repeat.first + reference.offset);
            for (std::int32_t to = 0; to < length; ++to, column += width) {
                const bool second = has_bit(bits, column);
                const std::int32_t home = SlotReference::choose(second, homes[1][to], homes[0][to]);
                const std::int32_t base = most & -static_cast<std::int32_t>(home >= most);
                const std::int32_t value = arranged[column + (width_ & (0 - std::size_t{second}))];
                const std::int32_t moved =
                    reference.moved(value, home - base, to, [=](std::int32_t t) { return places[base + t]; });
                child[column] = static_cast<T>(moved);
            }
        }
        for (const SlotMask& mask : shape.masks) {
            std::size_t column = at(shape.repeat.first + mask.offset);
            for (std::int32_t to = 0; to < length; ++to, column += width) {
                const bool second = has_bit(bits, column);
                const std::int32_t home = homes[second ? 1 : 0][to], base = home >= most ? most : 0;
                const auto position = [=](std::int32_t t) { return places[base + t]; };
                const std::int32_t value = arranged[column + (second ? width_ : 0)];
                child[column] = static_cast<T>(mask.moved(value, home - base, to, position));
            }
        }
        for (const SlotMask& mask : shape.ends) {
            const std::size_t column = at(mask.offset);
            const bool second = has_bit(bits, column);
            const auto position = [=](std::int32_t t) { return places[(second ? most : 0) + t]; };
            const std::int32_t value = arranged[column + (second ? width_ : 0)];
            child[column] =
                static_cast<T>(mask.moved(value, track.lengths[second ? 1 : 0], length, position));
        }
    }

    std::size_t width_;
    Chance rate_;
    Chance swap_;
    Limit<T> limit_;
    Blend<T> blend_ = choose_blend<T>();
    std::vector<Part> parts_;
    std::vector<std::size_t> outside_;  // columns of no repeat
    std::size_t together_;              // children that are aligned at once
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
