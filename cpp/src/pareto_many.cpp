// Many objectives: sets of bits in place of comparisons, after Moreno, Rodriguez, Nebro and Lozano, "Merge
// Nondominated Sorting Algorithm for Many-Objective Optimization", 2021: who dominates a row is the
// intersection, over the objectives, of those that are no worse there. Here in blocks: once the ranks of 512
// neighbours in the lexicographic order are known, every later row meets the 512 at once. How many of them
// are no worse in objective j is found by one walk through the order by j, and says which of 513 sets to
// take. The bits of a set lie by rank, so the highest bit of the intersection is the highest rank in it.
#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <numeric>

#include "cambrian/simd.hpp"
#include "pareto_rows.hpp"
#include "radix.hpp"

#if defined(__x86_64__) && defined(__GNUC__)
#define CAMBRIAN_X86
#define CAMBRIAN_INLINE [[gnu::always_inline]] inline
#else
#define CAMBRIAN_INLINE inline
#endif

namespace cambrian {
namespace {

constexpr std::size_t kBlock = 512;
constexpr std::size_t kWords = kBlock / 64;

struct alignas(64) Set {
    std::array<std::uint64_t, kWords> word{};

    void add(std::size_t bit) { word[bit / 64] |= std::uint64_t{1} << bit % 64; }
};

// The sets of one objective: sets[c] holds the c best members of the block.
using Prefixes = std::array<Set, kBlock + 1>;

// What the later rows need to know of a block.
struct Met {
    std::vector<Prefixes> prefixes;                // one an objective but the first
    std::vector<std::vector<std::uint16_t>> best;  // prefixes[j][best[j][row]]: the members no worse than it
    std::array<std::uint32_t, kBlock> next{};      // by bit: one more than the member's rank
};

// Lifts the ranks of the rows from … to - 1 above those of the members that dominate them.
CAMBRIAN_INLINE void lift_rows(const Met& met, std::size_t from, std::size_t to, std::uint32_t* rank) {
    const std::size_t count = met.best.size();
    for (std::size_t row = from; row < to; ++row) {
        Set both = met.prefixes[0][met.best[0][row]];
        for (std::size_t j = 1; j < count; ++j) {
            const Set& other = met.prefixes[j][met.best[j][row]];
            for (std::size_t w = 0; w < kWords; ++w) both.word[w] &= other.word[w];
        }
        std::uint64_t any = 0;
        for (std::size_t w = 0; w < kWords; ++w) any |= both.word[w];
        if (any == 0) continue;
        std::size_t w = kWords - 1;
        while (both.word[w] == 0) --w;
        const std::size_t bit = 64 * w + 63 - static_cast<std::size_t>(std::countl_zero(both.word[w]));
        rank[row] = std::max(rank[row], met.next[bit]);
    }
}

using Lift = void (*)(const Met&, std::size_t, std::size_t, std::uint32_t*);

void lift_scalar(const Met& met, std::size_t from, std::size_t to, std::uint32_t* rank) {
    lift_rows(met, from, to, rank);
}

#ifdef CAMBRIAN_X86
__attribute__((target("avx2"))) void lift_avx2(const Met& met, std::size_t from, std::size_t to,
                                               std::uint32_t* rank) {
    lift_rows(met, from, to, rank);
}

__attribute__((target("avx512f"))) void lift_avx512(const Met& met, std::size_t from, std::size_t to,
                                                    std::uint32_t* rank) {
    lift_rows(met, from, to, rank);
}
#endif

Lift choose_lift() {
#ifdef CAMBRIAN_X86
    if (simd() == Simd::kAvx512) return lift_avx512;
    if (simd() == Simd::kAvx2) return lift_avx2;
#endif
    return lift_scalar;
}

class ManyObjectives {
  public:
    ManyObjectives(const ParetoRows& rows, FrontsNeeded& needed) : rows_(rows), needed_(needed) {
        const std::size_t others = rows.columns.size() - 1;
        rank_.resize(rows.size());
        order_.assign(others, Order(rows.size()));
        RadixSort sort;
        for (std::size_t j = 0; j < others; ++j) {
            std::iota(order_[j].begin(), order_[j].end(), 0U);
            sort(rows.columns[j + 1].data(), 1, order_[j]);
        }
        group();
        met_.prefixes.resize(others);
        met_.best.assign(others, std::vector<std::uint16_t>(rows.size()));
    }

    Fronts run(const Poll& poll) {
        const Lift lift = choose_lift();
        for (std::size_t first = 0; first < rows_.size(); first += kBlock) {
            const std::size_t end = std::min(first + kBlock, rows_.size());
            if (poll) poll();
            rank_within(first, end);
            if (end == rows_.size()) break;
            place(first, end);
            for (std::size_t j = 0; j < order_.size(); ++j) meet(j, first, end);
            lift(met_, end, rows_.size(), rank_.data());
        }
        return std::move(rank_);
    }

  private:
    using Order = std::vector<std::uint32_t>;

    // Every block's members by objective j, of equal ones the earlier first: grouped_[j][first] ….
    void group() {
        grouped_.assign(order_.size(), std::vector<std::uint16_t>(rows_.size()));
        std::vector<std::size_t> filled;
        for (std::size_t j = 0; j < order_.size(); ++j) {
            filled.assign(rows_.size() / kBlock + 1, 0);
            for (const std::uint32_t row : order_[j]) {
                const std::size_t block = row / kBlock;
                grouped_[j][block * kBlock + filled[block]++] = static_cast<std::uint16_t>(row % kBlock);
            }
        }
    }

    // Who of the block dominates whom in it; then their ranks, in order: earlier blocks have been met.
    void rank_within(std::size_t first, std::size_t end) {
        for (std::size_t j = 0; j < order_.size(); ++j) {
            Set better;
            for (std::size_t i = first; i < end; ++i) {
                const std::size_t member = grouped_[j][i];
                Set& both = dominators_[member];
                for (std::size_t w = 0; w < kWords; ++w) {
                    both.word[w] = better.word[w] & (j == 0 ? ~std::uint64_t{0} : both.word[w]);
                }
                better.add(member);
            }
        }
        for (std::size_t row = first; row < end; ++row) {
            // Those that come later in the lexicographic order can't.
            const std::size_t member = row - first, last = member / 64;
            std::array<std::uint64_t, kWords>& word = dominators_[member].word;
            word[last] &= (std::uint64_t{1} << member % 64) - 1;
            std::uint32_t rank = rank_[row];
            for (std::size_t w = 0; w <= last; ++w) {
                for (std::uint64_t bits = word[w]; bits != 0; bits &= bits - 1) {
                    const auto bit = static_cast<std::size_t>(std::countr_zero(bits));
                    rank = std::max(rank, rank_[first + 64 * w + bit] + 1);
                }
            }
            rank_[row] = rank;
            needed_.add(rank, rows_.copies(row));
        }
    }

    // Gives each member its bit, by rank. Those beyond the fronts that are needed get none.
    void place(std::size_t first, std::size_t end) {
        std::array<std::uint32_t, kBlock> sorted{};
        const std::size_t count = end - first;
        for (std::size_t i = 0; i < count; ++i) sorted[i] = static_cast<std::uint32_t>(i);
        const auto rank = [&](std::uint32_t i) { return rank_[first + i]; };
        std::sort(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(count),
                  [&](auto a, auto b) { return rank(a) != rank(b) ? rank(a) < rank(b) : a < b; });
        for (std::size_t bit = 0; bit < count; ++bit) {
            bit_[sorted[bit]] = static_cast<std::uint16_t>(bit);
            met_.next[bit] = rank(sorted[bit]) + 1;
        }
    }

    // One walk through the order by an objective. The block's members leave it.
    void meet(std::size_t j, std::size_t first, std::size_t end) {
        Prefixes& prefix = met_.prefixes[j];
        std::uint16_t* best = met_.best[j].data();
        Order& order = order_[j];
        std::size_t kept = 0;
        std::uint16_t count = 0;
        prefix[0] = {};
        for (const std::uint32_t row : order) {
            if (row < end) {
                prefix[count + 1U] = prefix[count];
                prefix[++count].add(bit_[row - first]);
            } else {
                best[row] = count;
                order[kept++] = row;
            }
        }
        order.resize(kept);
    }

    const ParetoRows& rows_;
    FrontsNeeded& needed_;
    Fronts rank_;  // of rows that weren't reached yet: at least this
    std::vector<Order> order_;
    std::vector<std::vector<std::uint16_t>> grouped_;
    std::array<Set, kBlock> dominators_{};
    std::array<std::uint16_t, kBlock> bit_{};
    Met met_;
};

}  // namespace

Fronts fronts_of_many(const ParetoRows& rows, FrontsNeeded& needed, const Poll& poll) {
    return ManyObjectives(rows, needed).run(poll);
}

}  // namespace cambrian
