// Parents on a wheel, each with a share of its own, and which of them a position on it belongs to.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cambrian/mix.hpp"
#include "cambrian/rng.hpp"

namespace cambrian {

// A cumulative sum with a guide table (Chen and Asau, "On Generating Random Variates from an Empirical
// Distribution", 1974): less than two steps on average from where the table points, whatever the shares are.
// Unlike an alias table it keeps the parents in order, as evenly spaced pointers need, and is built without
// branches.
class Wheel {
  public:
    // weight(i): 0 … 1, kept to 2**-32. Equal shares if all are 0.
    template <class Weight>
    Wheel(std::size_t n, Weight weight) : ends_(n) {
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < n; ++i) {
            sum += static_cast<std::uint64_t>(weight(i) * 4294967295.0 + 0.5);
            ends_[i] = sum;
        }
        if (sum == 0) {
            for (std::uint64_t& end : ends_) end = ++sum;
        }
        make_guide();
    }

    std::uint64_t total() const { return ends_.empty() ? 0 : ends_.back(); }

    // Whose each of `count` positions is, at most kMost at once; each below the total.
    static constexpr std::size_t kMost = 256;
    void find(const std::uint64_t* positions, std::size_t count, std::uint32_t* parents) const;

  private:
    void make_guide();

    std::vector<std::uint64_t> ends_;   // parent i has positions ends_[i - 1] to below ends_[i]
    std::vector<std::uint32_t> guide_;  // whose position k << shift_ is
    unsigned shift_ = 0;
};

// Uniform below a bound of 64 bits, from two words each, the high one first; by multiply-shift with
// rejection.
struct WideBound {
    std::uint64_t bound;
    std::uint64_t refuse;  // 2**64 mod bound

    explicit WideBound(std::uint64_t n) : bound(n), refuse(n == 0 ? 0 : (0 - n) % n) {}
    std::uint64_t below(Stream& stream) const {
        while (true) {
            const std::uint64_t high = stream.word();
            const Product product = multiply(high << 32 | stream.word(), bound);
            if (product.low >= refuse) return product.high;
        }
    }
};

}  // namespace cambrian
