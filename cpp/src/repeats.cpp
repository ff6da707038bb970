#include <bit>
#include <limits>
#include <vector>

#include "cambrian/diversity.hpp"

namespace cambrian {
namespace {

constexpr std::size_t kMostRows = std::size_t{1} << 16;  // between two looks at whether to go on
constexpr std::size_t kAhead = 16;

// A place of the table in which rows are looked up.
constexpr std::uint32_t kFree = std::numeric_limits<std::uint32_t>::max();
struct Entry {
    std::uint32_t row = kFree;
    std::uint32_t tag = 0;
};

}  // namespace

void repeats(std::span<const Digest::Value> digests, const Threads& threads, bool* out) {
    const std::size_t n = digests.size();
    // Open addressing, at most two thirds full.
    std::vector<Entry> table(std::bit_ceil(n + n / 2 + 1));
    const std::size_t mask = table.size() - 1;
    // In order, on one thread: the first of equal rows must be the one that counts as new.
    parallel_for(n, kMostRows, {1, threads.poll}, [&](std::size_t begin, std::size_t end) {
        for (std::size_t row = begin; row < end; ++row) {
#ifdef __GNUC__
            if (row + kAhead < end) __builtin_prefetch(&table[digests[row + kAhead].low & mask]);
#endif
            const Digest::Value digest = digests[row];
            const auto tag = static_cast<std::uint32_t>(digest.high);
            std::size_t at = digest.low & mask;
            while (table[at].row != kFree && !(table[at].tag == tag && digests[table[at].row] == digest)) {
                at = (at + 1) & mask;
            }
            out[row] = table[at].row != kFree;
            if (!out[row]) table[at] = {static_cast<std::uint32_t>(row), tag};
        }
    });
}

}  // namespace cambrian
