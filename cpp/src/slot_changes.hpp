// The changes that a structural mutation makes to the slots of one repeat of a genome.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "bits.hpp"
#include "cambrian/brood.hpp"
#include "slot_graph.hpp"
#include "slot_moves.hpp"

namespace cambrian {

template <class T>
class SlotChanges : private SlotMoves<T> {
    using SlotMoves<T>::shape_, SlotMoves<T>::genome_, SlotMoves<T>::length_, SlotMoves<T>::width_;
    using SlotMoves<T>::slot, SlotMoves<T>::shift;

  public:
    // `bounds`: the options of each column of a slot. `scratch`: any memory.
    SlotChanges(const SlotShape& shape, const std::vector<Bound>& bounds, T* genome, std::int32_t length,
                Words& words, Scratch<T>& scratch)
        : SlotMoves<T>(shape, genome, length),
          bounds_(bounds),
          words_(words),
          bits_(scratch.words),
          instead_(scratch.position) {}

    void insert() {
        const std::int32_t place = below(length_ + 1);
        shift(place, 1);
        T* fresh = slot(place);
        for (std::int32_t i = 0; i < width_; ++i) fresh[i] = drawn(i);
    }

    void remove() { SlotMoves<T>::remove(below(length_)); }

    std::int32_t duplicate() {
        const std::int32_t place = below(length_);
        SlotMoves<T>::duplicate(place);
        return place;
    }

    // Each gene goes to one of two neighbours; the other's is drawn.
    void split() {
        const std::int32_t place = duplicate();
        draw_bits();
        T *first = slot(place), *second = slot(place + 1);
        for (std::int32_t i = 0; i < width_; ++i) {
            (has_bit(bits_.data(), static_cast<std::size_t>(i)) ? first : second)[i] = drawn(i);
        }
    }

    void merge() {
        const std::int32_t place = below(length_ - 1);
        draw_bits();
        T* first = slot(place);
        const T* second = slot(place + 1);
        for (std::int32_t i = 0; i < width_; ++i) {
            if (has_bit(bits_.data(), static_cast<std::size_t>(i))) first[i] = second[i];
        }
        for (const SlotReference& reference : shape_.references) {
            if (!has_bit(bits_.data(), static_cast<std::size_t>(reference.offset))) continue;
            T& value = first[reference.offset];
            value =
                static_cast<T>(reference.moved(value, place + 1, place, [](std::int32_t t) { return t; }));
        }
        for (const SlotMask& mask : shape_.masks) {
            if (!has_bit(bits_.data(), static_cast<std::size_t>(mask.offset))) continue;
            T& value = first[mask.offset];
            value = static_cast<T>(mask.moved(value, place + 1, place, [](std::int32_t t) { return t; }));
        }
        shift(place + 2, -1);
    }

    void move(std::vector<T>& room) {
        const std::int32_t from = below(length_);
        const std::int32_t to = other(from);
        room.assign(slot(from), slot(from) + width_);
        const std::int32_t step = from < to ? 1 : -1;
        if (step > 0)
            std::copy(slot(from + 1), slot(to + 1), slot(from));
        else
            std::copy_backward(slot(to), slot(from), slot(from + 1));
        std::copy(room.begin(), room.end(), slot(to));
        const std::int32_t low = std::min(from, to), high = std::max(from, to);
        const auto position = [=](std::int32_t t) {
            return t == from ? to : t < low || t > high ? t : t - step;
        };
        for (std::int32_t s = low; s < length_; ++s) {
            const std::int32_t was = s == to ? from : s > high ? s : s + step;
            shape_.move_references(slot(s), was, s, position);
        }
        shape_.move_ends(genome_, length_, length_, position);
    }

    void swap() {
        const std::int32_t one = below(length_);
        SlotMoves<T>::swap(one, other(one));
    }

    // A fresh slot in the middle of a uniform edge: it reads what was read, and is read instead. What the
    // reference depends on is as it is in the slot that reads.
    void splice(const SlotGraph& graph) {
        graph.repair_masks(genome_, length_);
        const Edge edge = pick_edge(graph);
        shift(edge.slot, 1);
        T* fresh = slot(edge.slot);
        for (std::int32_t i = 0; i < width_; ++i) fresh[i] = drawn(i);
        if (edge.kind == Edge::kChain) return;
        if (edge.kind == Edge::kEnd) {
            take_edge(shape_.ends[edge.port], edge.value, genome_);
            fresh[shape_.masks[0].offset] = static_cast<T>(edge.value);
            return;
        }
        T* reader = slot(edge.slot + 1);
        graph.each_gate(edge.slot, edge.port, [&](std::int32_t i) { fresh[i] = reader[i]; });
        if (edge.kind == Edge::kMask) {
            const SlotMask& mask = shape_.masks[edge.port - shape_.references.size()];
            take_edge(mask, edge.value, reader);
            fresh[mask.offset] = static_cast<T>(edge.value);
            return;
        }
        const SlotReference& reference = shape_.references[edge.port];
        fresh[reference.offset] = static_cast<T>(edge.value);
        reader[reference.offset] = static_cast<T>(1 - reference.zero);
    }

    // A slot goes; what named it names what it named by the same gene, or the slot before it.
    void bypass(const SlotGraph& graph) {
        graph.repair_masks(genome_, length_);
        const std::int32_t place = below(length_);
        const std::size_t references = shape_.references.size();
        instead_.clear();
        for (std::size_t r = 0; r < references; ++r) {
            const SlotReference& reference = shape_.references[r];
            instead_.push_back(reads(graph, place, r) ? reference.target(slot(place)[reference.offset], place)
                                                      : place - 1);
        }
        bits_.clear();
        for (std::size_t m = 0; m < shape_.masks.size(); ++m) {
            const bool active = graph.active(genome_, place, references + m);
            bits_.push_back(active ? std::uint32_t{slot(place)[shape_.masks[m].offset]} : 1U);
        }
        std::copy(slot(place + 1), slot(length_), slot(place));
        for (std::int32_t s = place; s + 1 < length_; ++s) pass_by(place, s);
        for (const SlotMask& mask : shape_.ends)
            pass_by(mask, place, length_ - 1, bits_.empty() ? 1U : bits_[0], genome_[mask.offset]);
        --length_;
        shape_.set_length(genome_, length_);
    }

  private:
    struct Edge {
        enum Kind { kChain, kReference, kMask, kEnd };  // what reads: a slot its input, by a gene, or the end
        Kind kind;
        std::int32_t slot;
        std::size_t port;     // of the slot; of the end: which mask beside the repeat
        std::uint32_t value;  // of the reference, or the bit of the mask
    };

    bool reads(const SlotGraph& graph, std::int32_t number, std::size_t reference) const {
        const SlotReference& one = shape_.references[reference];
        return slot(number)[one.offset] + one.zero > 0 && graph.active(genome_, number, reference);
    }

    template <class Visit>
    static void each_bit(std::uint32_t value, Visit visit) {
        for (; value != 0; value &= value - 1) visit(value & (0 - value));
    }

    template <class Visit>
    void each_edge(const SlotGraph& graph, Visit visit) const {
        const std::size_t references = shape_.references.size();
        for (std::int32_t s = 0; s < length_; ++s) {
            if (graph.chained()) visit(Edge{Edge::kChain, s, 0, 0});
            for (std::size_t r = 0; r < references; ++r) {
                if (reads(graph, s, r))
                    visit(Edge{Edge::kReference, s, r, slot(s)[shape_.references[r].offset]});
            }
            for (std::size_t m = 0; m < shape_.masks.size(); ++m) {
                if (!graph.active(genome_, s, references + m)) continue;
                each_bit(slot(s)[shape_.masks[m].offset] & graph.flips()[m].live(s),
                         [&](std::uint32_t bit) { visit(Edge{Edge::kMask, s, references + m, bit}); });
            }
        }
        if (graph.chained()) visit(Edge{Edge::kChain, length_, 0, 0});
        for (std::size_t e = 0; e < shape_.ends.size() && !shape_.masks.empty(); ++e) {
            if (!graph.end_active(genome_, e)) continue;
            const std::uint32_t live = graph.end_flips()[e].live(length_) & graph.flips()[0].live(length_);
            each_bit(genome_[shape_.ends[e].offset] & live,
                     [&](std::uint32_t bit) { visit(Edge{Edge::kEnd, length_, e, bit}); });
        }
    }

    // Any place, if there is none.
    Edge pick_edge(const SlotGraph& graph) {
        std::int32_t count = 0;
        each_edge(graph, [&](const Edge&) { ++count; });
        if (count == 0) return {Edge::kChain, below(length_ + 1), 0, 0};
        std::int32_t pick = below(count);
        Edge chosen{};
        each_edge(graph, [&](const Edge& edge) {
            if (pick-- == 0) chosen = edge;
        });
        return chosen;
    }

    // Of a mask that has moved one further: what it named by `bit` before gives way to the slot before it.
    static void take_edge(const SlotMask& mask, std::uint32_t bit, T* genes) {
        genes[mask.offset] = static_cast<T>((genes[mask.offset] & ~(bit << 1)) | 1U);
    }

    // The slot that is now at `s` came from the next place; `place` was deleted.
    void pass_by(std::int32_t place, std::int32_t s) {
        T* genes = slot(s);
        for (std::size_t r = 0; r < shape_.references.size(); ++r) {
            const SlotReference& reference = shape_.references[r];
            T& value = genes[reference.offset];
            value = static_cast<T>(reference.moved(value, s + 1, s, [=, this](std::int32_t t) {
                return t < place ? t : t == place ? instead_[r] : t - 1;
            }));
        }
        for (std::size_t m = 0; m < shape_.masks.size(); ++m)
            pass_by(shape_.masks[m], place, s, bits_[m], genes[shape_.masks[m].offset]);
    }
    // `instead`: what the deleted slot named, as bits of its own place.
    static void pass_by(const SlotMask& mask, std::int32_t place, std::int32_t s, std::uint32_t instead,
                        T& value) {
        std::uint32_t named = value;
        const std::int32_t distance = s + 1 - place;
        if (distance <= mask.bits && (named >> (distance - 1) & 1) != 0)
            named = (named ^ std::uint32_t{1} << (distance - 1)) | instead << distance;
        value = static_cast<T>(
            mask.moved(named, s + 1, s, [=](std::int32_t t) { return t < place ? t : t - 1; }));
    }

    std::int32_t below(std::int32_t bound) {
        return static_cast<std::int32_t>(words_.below(static_cast<std::uint32_t>(bound)));
    }
    std::int32_t other(std::int32_t one) {
        const std::int32_t two = below(length_ - 1);
        return two + (two >= one ? 1 : 0);
    }
    T drawn(std::int32_t offset) {
        return static_cast<T>(words_.below(bounds_[static_cast<std::size_t>(offset)]));
    }
    void draw_bits() {
        bits_.resize(bit_words(static_cast<std::size_t>(width_)));
        for (std::uint32_t& word : bits_) word = words_.word();
    }

    const std::vector<Bound>& bounds_;
    Words& words_;
    std::vector<std::uint32_t>& bits_;
    std::vector<std::int32_t>& instead_;
};

}  // namespace cambrian
