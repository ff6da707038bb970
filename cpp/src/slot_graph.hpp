// The slots of a repeat as the vertices of a graph: each is joined to those that it reads.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "cambrian/layout.hpp"
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

    // Whether a reference of a slot takes part, given that the slot does.
    template <class T>
    bool active(const T* genome, std::int32_t slot, std::size_t reference) const {
        return active(genome, when_[static_cast<std::size_t>(slot) * shape_.references.size() + reference]);
    }
    // Calls visit(offset) for each gene of a slot that a reference of it depends on.
    template <class Visit>
    void each_gate(std::int32_t slot, std::size_t reference, Visit visit) const {
        const Tests tests = when_[static_cast<std::size_t>(slot) * shape_.references.size() + reference];
        const std::int32_t first = shape_.repeat.first + slot * shape_.repeat.width;
        for (std::int32_t i = tests.first; i < tests.first + tests.count; ++i) {
            const std::int32_t offset = tests_[static_cast<std::size_t>(i)].column - first;
            if (offset >= 0 && offset < shape_.repeat.width) visit(offset);
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

    void add_tests(const Layout& layout, std::int32_t column, std::int32_t first);
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
    std::vector<Tests> when_;  // of reference r of slot s: s * references + r
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
