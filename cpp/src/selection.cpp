#include "cambrian/selection.hpp"

#include <algorithm>

namespace cambrian {

void tournament(const double* key, std::uint32_t population, std::size_t n, const Tournament& tournament,
                const Source& source, const Threads& threads, std::int64_t* out) {
    const Bound bound(population);
    const std::size_t block = rows_of_block(std::size_t{8} * tournament.size, 8 * Streams::kMost);
    parallel_for(n, block, threads, [&](std::size_t begin, std::size_t end) {
        for (std::size_t from = begin; from < end; from += Streams::kMost) {
            const std::size_t count = std::min(Streams::kMost, end - from);
            const Streams streams(source, kSelect, static_cast<std::uint32_t>(from), count);
            for (std::size_t i = 0; i < count; ++i) {
                Stream stream = streams[i];
                out[from + i] = tournament.pick(key, bound, stream);
            }
        }
    });
}

}  // namespace cambrian
