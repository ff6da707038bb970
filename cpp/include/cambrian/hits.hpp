// Which genes a mutation hits.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "cambrian/rng.hpp"

namespace cambrian {

// Which of k genes are hit, if each is hit on its own with one probability.
class Hits {
  public:
    // `least` and `most`: between which k will lie.
    Hits(std::optional<double> rate, std::size_t least, std::size_t most);

    // Calls visit(position) for each of the k that is hit. `visit` may draw from the same stream.
    template <class Visit>
    void each(std::size_t k, Stream& stream, Visit visit) const {
        if (k == 0 || never_) return;
        if (skips_.empty()) return each_of_count(k, stream, visit);
        for (std::size_t at = skip(stream, k); at < k;) {
            visit(at);
            if (++at < k) at += skip(stream, k - at);
        }
    }

  private:
    static constexpr std::size_t kMostHits = 16;  // 1/k each: more have a probability below 2**-40

    using Tail = std::array<std::uint32_t, kMostHits>;

    void make_skips(double rate, std::size_t most);
    void make_counts(std::size_t least, std::size_t most);
    // The gap before the next hit, or something >= limit.
    std::size_t skip(Stream& stream, std::size_t limit) const;

    template <class Visit>
    void each_of_count(std::size_t k, Stream& stream, Visit visit) const {
        std::array<std::uint32_t, kMostHits> chosen;
        const std::size_t count = choose(k, stream, chosen);
        for (std::size_t i = 0; i < count; ++i) visit(chosen[i]);
    }
    std::size_t choose(std::size_t k, Stream& stream, std::array<std::uint32_t, kMostHits>& chosen) const;

    bool never_ = false;
    // Fixed rate: the gap to the next hit is at least j + 1 if a word is below skips_[j].
    std::vector<std::uint32_t> skips_;
    std::array<std::uint16_t, 256> guide_{};
    // Rate 1/k: more than j genes are hit if a word is at least counts_[k - least_][j].
    std::size_t least_ = 0;
    std::vector<Tail> counts_;
};

}  // namespace cambrian
