// Splits work into blocks whose borders don't depend on the number of threads.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>

namespace cambrian {

struct Threads {
    int count = 1;
    // Called on the calling thread between blocks; may throw to stop the work (Ctrl-C).
    std::function<void()> poll;
};

// How many rows make a block, at most `most`, if a row takes about `work` nanoseconds: few enough that `poll`
// is called many times a second.
inline std::size_t rows_of_block(std::size_t work, std::size_t most) {
    constexpr std::size_t kNanoseconds = std::size_t{1} << 22;
    return std::clamp<std::size_t>(kNanoseconds / std::max<std::size_t>(work, 1), 1, most);
}

// Calls body(begin, end) for [0, block), [block, 2 * block), … up to n, on `threads.count` threads, and
// returns when all are done. What a call throws is thrown here, after the other threads have stopped; of
// several, the one of the lowest block, so that the error doesn't depend on timing.
void parallel_for(std::size_t n, std::size_t block, const Threads& threads,
                  const std::function<void(std::size_t, std::size_t)>& body);

}  // namespace cambrian
