#include "cambrian/mixture.hpp"

#include <algorithm>
#include <numeric>

namespace cambrian {

Choice::Choice(const std::vector<double>& weights) {
    const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
    double sum = 0.0;
    for (const double weight : weights) {
        sum += weight;
        ends_.push_back(static_cast<std::uint64_t>(sum / total * 4294967296.0 + 0.5));
    }
    // Rounding must not leave words that choose none, nor give them to one of weight 0.
    const auto last = std::find_if(weights.rbegin(), weights.rend(), [](double w) { return w > 0.0; });
    std::fill(ends_.end() - 1 - (last - weights.rbegin()), ends_.end(), std::uint64_t{1} << 32);
}

void Choice::of(const Source& source, std::uint32_t purpose, std::uint32_t first, std::size_t count,
                std::uint8_t* out) const {
    const Streams streams(source, purpose + kChoose, first, count);
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint32_t word = streams[i].word();
        std::size_t k = 0;
        while (word >= ends_[k]) ++k;
        out[i] = static_cast<std::uint8_t>(k);
    }
}

void choices(const std::vector<double>& weights, std::uint32_t purpose, std::size_t n, const Source& source,
             const Threads& threads, std::uint8_t* out) {
    const Choice choice(weights);
    parallel_for(n, 16 * Streams::kMost, threads, [&](std::size_t begin, std::size_t end) {
        for (std::size_t from = begin; from < end; from += Streams::kMost) {
            const std::size_t count = std::min(Streams::kMost, end - from);
            choice.of(source, purpose, static_cast<std::uint32_t>(from), count, out + from);
        }
    });
}

}  // namespace cambrian
