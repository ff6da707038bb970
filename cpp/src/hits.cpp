#include "cambrian/hits.hpp"

#include <algorithm>
#include <cfloat>
#include <limits>

static_assert(std::numeric_limits<double>::is_iec559 && FLT_EVAL_METHOD == 0,
              "results would depend on the machine; on 32-bit x86, compile with -msse2 -mfpmath=sse");

// Tables are made with additions, multiplications and divisions of doubles only: IEEE 754 fixes their
// results, where a library's exp or log may differ from one machine to the next.
namespace cambrian {
namespace {

constexpr std::size_t kMostSkips = 1024;

std::uint32_t word_of(double probability) {
    return static_cast<std::uint32_t>(std::clamp(probability * 4294967296.0, 0.0, 4294967295.0));
}

double power(double base, std::size_t exponent) {
    double result = 1.0;
    for (; exponent > 0; exponent /= 2, base *= base) {
        if (exponent % 2 != 0) result *= base;
    }
    return result;
}

}  // namespace

Hits::Hits(std::optional<double> rate, std::size_t least, std::size_t most) {
    if (!rate) {
        make_counts(std::max<std::size_t>(least, 1), most);
    } else if (*rate > 0.0) {
        make_skips(*rate, most);
    } else {
        never_ = true;
    }
}

// The gaps between hits are geometric: P(gap > j) = (1 - rate)^(j + 1). A table that ends early is still
// exact, as the geometric distribution has no memory: at its end the count goes on from there.
void Hits::make_skips(double rate, std::size_t most) {
    double tail = 1.0;
    for (std::size_t j = 0; j < std::clamp<std::size_t>(most, 1, kMostSkips); ++j) {
        tail *= 1.0 - rate;
        skips_.push_back(word_of(tail));
    }
    for (std::size_t b = 0; b < guide_.size(); ++b) {
        const std::uint32_t highest = static_cast<std::uint32_t>(b << 24) | 0xFFFFFF;
        const auto end = std::find_if(skips_.begin(), skips_.end(), [=](auto t) { return t <= highest; });
        guide_[b] = static_cast<std::uint16_t>(end - skips_.begin());
    }
}

std::size_t Hits::skip(Stream& stream, std::size_t limit) const {
    for (std::size_t gone = 0;; gone += skips_.size()) {
        const std::uint32_t word = stream.word();
        std::size_t j = guide_[word >> 24];
        while (j < skips_.size() && word < skips_[j]) ++j;
        if (j < skips_.size() || gone + j >= limit) return gone + j;
    }
}

// The number of hits among k at 1/k each is binomial.
void Hits::make_counts(std::size_t least, std::size_t most) {
    least_ = least;
    for (std::size_t k = least; k <= most; ++k) {
        const double n = static_cast<double>(k);
        double exactly = k == 1 ? 0.0 : power(1.0 - 1.0 / n, k);
        double at_most = 0.0;
        Tail tail;
        for (std::size_t j = 0; j < kMostHits; ++j) {
            at_most += exactly;
            tail[j] = j < k ? word_of(at_most) : 0xFFFFFFFF;
            exactly *= k == 1 ? 0.0 : (n - static_cast<double>(j)) / (static_cast<double>(j + 1) * (n - 1.0));
        }
        counts_.push_back(tail);
    }
}

// The hit genes are a uniform subset (Floyd's method, in Bentley, "Programming Pearls", CACM 30(9), 1987).
std::size_t Hits::choose(std::size_t k, Stream& stream, std::array<std::uint32_t, kMostHits>& chosen) const {
    const std::uint32_t word = stream.word();
    const Tail& tail = counts_[k - least_];
    std::size_t count = 0;
    while (count < std::min(k, kMostHits) && word >= tail[count]) ++count;
    for (std::size_t i = 0; i < count; ++i) {
        const auto last = static_cast<std::uint32_t>(k - count + i);
        const std::uint32_t pick = stream.below(last + 1);
        const bool taken = std::find(chosen.begin(), chosen.begin() + i, pick) != chosen.begin() + i;
        chosen[i] = taken ? last : pick;
    }
    return count;
}

}  // namespace cambrian
