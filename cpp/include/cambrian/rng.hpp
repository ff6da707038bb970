// Random numbers as a function of a key and a counter: Philox4x32-7 (Salmon, Moraes, Dror and Shaw, "Parallel
// Random Numbers: As Easy as 1, 2, 3", SC 2011; with seven rounds it passes BigCrush, and more would only
// cost time). Whoever needs the numbers of individual i computes them, on any thread and in any order.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace cambrian {

using Philox = std::array<std::uint32_t, 4>;
using PhiloxKey = std::array<std::uint32_t, 2>;

// One block of four words. `counter` and `key` as in Random123.
Philox philox(Philox counter, PhiloxKey key);

// What the numbers of a stream are for. An operator's place among those of its kind is added to kCross and
// kMutate; kAgain and kChoose are added to any purpose: integers that had to be drawn again, and which
// operator of a mixture it is.
enum Purpose : std::uint32_t {
    kSample = 0,
    kSampleAgain = 1,
    kSelect = 2,
    kNiche = 12,
    kNicheRow = 13,
    kCross = 0x100,
    kMutate = 0x200,
    kAgain = 0x10000,
    kChoose = 0x20000
};
inline constexpr std::uint32_t kMaxOperators = 64;

// Where the numbers of one call come from: the key is a mix of seed and run.
struct Source {
    PhiloxKey key;
    std::uint32_t generation;

    Source(std::uint64_t seed, std::uint32_t run, std::uint32_t generation);
};

// A bound of uniform integers, and the number of low products that must be refused for them to be uniform.
struct Bound {
    std::uint32_t bound;
    std::uint32_t refuse;  // 2**32 mod bound

    explicit Bound(std::uint32_t n) : bound(n), refuse(n == 0 ? 0 : (0 - n) % n) {}
};

// An event's probability to 2**-32: it happens if a word is below the threshold.
struct Chance {
    std::uint64_t threshold;

    explicit Chance(double probability)
        : threshold(static_cast<std::uint64_t>(probability * 4294967296.0 + 0.5)) {}
    bool holds(std::uint32_t word) const { return word < threshold; }
};

// `count` blocks from `counter` on, counting up its word `axis` (0: block, 2: individual): out[4 * i + word].
void philox_fill(PhiloxKey key, Philox counter, int axis, std::size_t count, std::uint32_t* out);

// `count` integers below `bound`, uniform, from the blocks of words `block`, `block` + 1, … of an individual.
// Those whose word must be refused are drawn from a stream of their own. `count` is a multiple of four.
void below_fill(const Source& source, std::uint32_t purpose, std::uint32_t individual, std::uint32_t block,
                const Bound& bound, std::size_t count, std::uint32_t* out);

// The largest bound of which three integers come from 64 bits, with at most one refusal in 128.
inline constexpr std::uint32_t kMostOfThree = 1U << 19;

// As below_fill, but three integers from each pair of words i and count + i: into out[i], out[count + i] and
// out[2 * count + i] (Brackett-Rozinsky and Lemire, "Batched Ranged Random Integer Generation", 2024).
// `bound` is at most kMostOfThree; `count` a multiple of four up to 256.
void below_fill_three(const Source& source, std::uint32_t purpose, std::uint32_t individual,
                      std::uint32_t block, const Bound& bound, std::size_t count, std::uint32_t* out);

// The words of one individual for one purpose, in order, made kBuffer at a time.
template <std::size_t kBuffer>
class BasicStream {
  public:
    BasicStream(const Source& source, std::uint32_t purpose, std::uint32_t individual,
                std::uint32_t block = 0)
        : key_(source.key), counter_{block, purpose, individual, source.generation} {}
    // With the first block made elsewhere.
    BasicStream(const Source& source, std::uint32_t purpose, std::uint32_t individual,
                const std::uint32_t* first)
        requires(kBuffer == 4)
        : key_(source.key),
          counter_{1, purpose, individual, source.generation},
          words_{first[0], first[1], first[2], first[3]},
          used_(0) {}

    std::uint32_t word() {
        if (used_ == kBuffer) refill();
        return words_[used_++];
    }

    // The next kSome words at once, if all were taken so: kSome divides kBuffer.
    template <std::size_t kSome>
        requires(kBuffer % kSome == 0)
    const std::uint32_t* some() {
        if (used_ == kBuffer) refill();
        const std::uint32_t* first = words_.data() + used_;
        used_ += kSome;
        return first;
    }

    // Uniform in 0 … bound - 1 by multiply-shift with rejection (Lemire, "Fast Random Integer Generation in
    // an Interval", 2019). `bound` must be positive.
    std::uint32_t below(const Bound& bound) {
        while (true) {
            const std::uint64_t product = std::uint64_t{word()} * bound.bound;
            if (static_cast<std::uint32_t>(product) >= bound.refuse)
                return static_cast<std::uint32_t>(product >> 32);
        }
    }
    std::uint32_t below(std::uint32_t bound) {
        const std::uint64_t product = std::uint64_t{word()} * bound;
        // The remainder is found only where it can matter.
        if (static_cast<std::uint32_t>(product) >= bound) return static_cast<std::uint32_t>(product >> 32);
        if (static_cast<std::uint32_t>(product) >= (0 - bound) % bound)
            return static_cast<std::uint32_t>(product >> 32);
        return below(Bound(bound));
    }

  private:
    void refill() {
        if constexpr (kBuffer == 4) {
            words_ = philox(counter_, key_);
        } else {
            philox_fill(key_, counter_, 0, kBuffer / 4, words_.data());
        }
        counter_[0] += kBuffer / 4;
        used_ = 0;
    }

    PhiloxKey key_;
    Philox counter_;
    alignas(kBuffer == 4 ? 16 : 64) std::array<std::uint32_t, kBuffer> words_;
    unsigned used_ = kBuffer;
};
using Stream = BasicStream<4>;   // for a few words
using Words = BasicStream<128>;  // for many

// The streams of neighbouring individuals, whose first blocks are made together.
class Streams {
  public:
    static constexpr std::size_t kMost = 256;

    Streams(const Source& source, std::uint32_t purpose, std::uint32_t first, std::size_t count)
        : source_(source), purpose_(purpose), first_(first) {
        philox_fill(source.key, {0, purpose, first, source.generation}, 2, count, words_.data());
    }
    Stream operator[](std::size_t i) const {
        return {source_, purpose_, first_ + static_cast<std::uint32_t>(i), words_.data() + 4 * i};
    }

  private:
    Source source_;
    std::uint32_t purpose_;
    std::uint32_t first_;
    alignas(64) std::array<std::uint32_t, 4 * kMost> words_;
};

}  // namespace cambrian
