// The slots of a repeat as the vertices of a graph: each is joined to those that it reads.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "cambrian/layout.hpp"
#include "mask_flips.hpp"
#include "slots.hpp"

namespace cambrian {

// Of at most so many neighbouring slots at a time, which is nearly always all.
inline constexpr std::int32_t kWindow = 64;

struct SlotWindow {
    std::int32_t first = 0;
    std::int32_t count = 0;
    std::uint64_t joined[kWindow];  // bit t of s: slots first + s and first + t are joined

    std::uint64_t all() const {
        return count == kWindow ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
    }
};

class SlotGraph {
  public:
    // `procedure`: what the slots run, or -1.
    SlotGraph(const Layout& layout, const Repeat& repeat, std::int32_t procedure);

    const SlotShape& shape() const { return shape_; }
    std::int32_t procedure() const { return procedure_; }
    bool always_active() const { return always_active_; }  // nothing may switch the repeat off
    bool chained() const { return chained_; }              // each slot reads the one before it

    // The references of a slot, then its masks.
    std::size_t ports() const { return shape_.references.size() + shape_.masks.size(); }
    // What can become of each of its masks, and of those beside the repeat.
    const std::vector<MaskFlips>& flips() const { return flips_; }
    const std::vector<MaskFlips>& end_flips() const { return end_flips_; }

    // Whether a port of a slot takes part, given that the slot does.
    template <class T>
    bool active(const T* genome, std::int32_t slot, std::size_t port) const {
        return active(genome, when_[static_cast<std::size_t>(slot) * ports() + port]);
    }
    // The same of a mask beside the repeat.
    template <class T>
    bool end_active(const T* genome, std::size_t end) const {
        return active(genome, end_when_[end]);
    }
    // Calls visit(offset) for each gene of a slot that a port of it depends on.
    template <class Visit>
    void each_gate(std::int32_t slot, std::size_t port, Visit visit) const {
        const Tests tests = when_[static_cast<std::size_t>(slot) * ports() + port];
        const std::int32_t first = shape_.repeat.first + slot * shape_.repeat.width;
        for (std::int32_t i = tests.first; i < tests.first + tests.count; ++i) {
            const std::int32_t offset = tests_[static_cast<std::size_t>(i)].column - first;
            if (offset >= 0 && offset < shape_.repeat.width) visit(offset);
        }
    }

    // Masks become what they are read as, so that all their edges can be seen.
    template <class T>
    void repair_masks(T* genome, std::int32_t length) const {
        for (std::int32_t s = 0; s < length; ++s) {
            for (std::size_t m = 0; m < flips_.size(); ++m) {
                T& value = shape_.slot(genome, s)[shape_.masks[m].offset];
                if (active(genome, s, shape_.references.size() + m))
                    value = static_cast<T>(flips_[m].repaired(value, s));
            }
        }
        for (std::size_t e = 0; e < end_flips_.size(); ++e) {
            T& value = genome[shape_.ends[e].offset];
            if (end_active(genome, e)) value = static_cast<T>(end_flips_[e].repaired(value, length));
        }
    }

    // Of up to kWindow of the `length` slots, around one of them. Values are within their options.
    template <class T>
    void read(const T* genome, std::int32_t length, std::int32_t around, SlotWindow& window) const;

  private:
    // A column takes part if each of these holds an allowed option; that its slot does is taken as given.
    struct Test {
        std::int32_t column;
        const std::uint8_t* allowed;
    };
    struct Tests {
        std::int32_t first, count;
    };

    Tests tests_of(const Layout& layout, std::int32_t column);
    template <class T>
    bool active(const T* genome, const Tests& tests) const {
        const Test* test = tests_.data() + tests.first;
        for (std::int32_t i = 0; i < tests.count; ++i) {
            if (test[i].allowed[genome[test[i].column]] == 0) return false;
        }
        return true;
    }

    SlotShape shape_;
    std::int32_t procedure_;
    bool always_active_;
    bool chained_;  // each slot reads the one before it
    std::vector<Test> tests_;
    std::vector<Tests> when_;  // of port p of slot s: s * ports + p
    std::vector<Tests> end_when_;
    std::vector<MaskFlips> flips_, end_flips_;
};

// A uniform connected set of `count` slots that grows from `seed`, or of fewer where there are no more that
// are joined; up to `least` it then goes on at any other slot.
template <class Words>
std::uint64_t grow(const SlotWindow& window, std::int32_t seed, std::int32_t count, std::int32_t least,
                   Words& words) {
    std::uint64_t part = std::uint64_t{1} << seed, border = window.joined[seed];
    for (std::int32_t n = 1; n < count; ++n) {
        std::uint64_t open = border;
        if (open == 0) {
            if (n >= least) break;
            open = window.all() & ~part;
        }
        std::uint32_t skip = words.below(static_cast<std::uint32_t>(std::popcount(open)));
        for (; skip > 0; --skip) open &= open - 1;
        const int slot = std::countr_zero(open);
        part |= std::uint64_t{1} << slot;
        border = (border | window.joined[slot]) & ~part;
    }
    return part;
}

// One of the repeats' graphs each, in order.
std::vector<SlotGraph> slot_graphs(const Layout& layout);

// Whether slots of one can stand in the other: they hold the same genes and run the same.
bool exchangeable(const Layout& layout, const SlotGraph& first, const SlotGraph& second);

}  // namespace cambrian
