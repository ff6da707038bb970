#include <algorithm>
#include <bit>
#include <cstring>
#include <type_traits>

#include "cambrian/crossover.hpp"
#include "units.hpp"

namespace cambrian {
namespace {

// One bit for each of eight genes: whether they differ.
std::uint32_t differing_eight(const std::uint8_t* first, const std::uint8_t* second) {
    std::uint64_t a, b;
    std::memcpy(&a, first, 8);
    std::memcpy(&b, second, 8);
    constexpr std::uint64_t kLow = 0x7F7F'7F7F'7F7F'7F7F;
    a ^= b;
    a = (((a & kLow) + kLow) | a) & ~kLow;
    return static_cast<std::uint32_t>(((a >> 7) * 0x0102'0408'1020'4080) >> 56);
}

template <class T>
void differing_genes(const T* first, const T* second, std::size_t width, std::uint32_t* bits) {
    std::fill_n(bits, bit_words(width), 0);
    std::size_t c = 0;
    if constexpr (std::is_same_v<T, std::uint8_t> && std::endian::native == std::endian::little) {
        for (; c + 8 <= width; c += 8) bits[c / 32] |= differing_eight(first + c, second + c) << c % 32;
    }
    for (; c < width; ++c) bits[c / 32] |= std::uint32_t{first[c] != second[c]} << c % 32;
}

std::uint32_t count_bits(const std::uint32_t* bits, std::size_t words) {
    std::uint32_t count = 0;
    for (std::size_t i = 0; i < words; ++i) count += static_cast<std::uint32_t>(std::popcount(bits[i]));
    return count;
}

// The set bit that has `rank` others before it, alone in its word.
std::uint32_t one_of(std::uint32_t set, std::uint32_t rank) {
    for (; rank > 0; --rank) set &= set - 1;
    return set & (0 - set);
}

template <class T>
class HalfCrosser final : public Crosser<T> {
  public:
    HalfCrosser(const Layout& layout, const HalfUniformCrossover& crossover)
        : rate_(crossover.rate), units_(layout, crossover.by) {}

    void cross(const Brood& brood, const T* const* first, const T* const* second, T* children,
               Scratch<T>& scratch) const override {
        Words words(brood.source, brood.purpose, brood.first);
        const std::size_t stride = units_.stride(), size = brood.height * stride;
        scratch.words.assign(size + stride, 0);
        std::uint32_t* differ = scratch.words.data() + size;
        for (const std::size_t row : brood.rows) {
            if (!rate_.holds(words.word())) continue;
            differing(first[row], second[row], differ);
            choose(differ, scratch.words.data() + row * stride, words);
        }
        units_.exchange(brood, first, second, scratch.words.data(), children);
    }

    bool limits() const override { return units_.genes(); }

  private:
    void differing(const T* first, const T* second, std::uint32_t* bits) const {
        if (units_.genes()) return differing_genes(first, second, units_.width(), bits);
        std::fill_n(bits, units_.stride(), 0);
        for (std::size_t u = 0; u < units_.size(); ++u) {
            if (!std::equal(first + units_.begin(u), first + units_.end(u), second + units_.begin(u)))
                set_bit(bits, u);
        }
    }

    // A coin a unit chooses about half of them; uniform ones are added or taken away until it is exactly
    // half. A half unit is rounded either way.
    void choose(const std::uint32_t* differ, std::uint32_t* chosen, Words& words) const {
        const std::size_t count = units_.stride();
        const std::uint32_t all = count_bits(differ, count);
        if (all == 0) return;
        const std::uint32_t half = all / 2 + (all % 2 == 1 ? words.word() >> 31 : 0);
        for (std::size_t i = 0; i < count; ++i) chosen[i] = words.word() & differ[i];
        std::uint32_t now = count_bits(chosen, count);
        for (; now > half; --now) flip(differ, chosen, words.below(now), 0);
        for (; now < half; ++now) flip(differ, chosen, words.below(all - now), ~std::uint32_t{0});
    }

    // Of the differing units that are chosen (`flipped` 0) or not (all ones), the one of this rank changes.
    static void flip(const std::uint32_t* differ, std::uint32_t* chosen, std::uint32_t rank,
                     std::uint32_t flipped) {
        for (std::size_t i = 0;; ++i) {
            const std::uint32_t set = (chosen[i] ^ flipped) & differ[i];
            const auto here = static_cast<std::uint32_t>(std::popcount(set));
            if (rank < here) {
                chosen[i] ^= one_of(set, rank);
                return;
            }
            rank -= here;
        }
    }

    Chance rate_;
    Units<T> units_;
};

}  // namespace

template <class T>
std::unique_ptr<Crosser<T>> make_half_crosser(const Layout& layout, const HalfUniformCrossover& crossover) {
    return std::make_unique<HalfCrosser<T>>(layout, crossover);
}

template std::unique_ptr<Crosser<std::uint8_t>> make_half_crosser(const Layout&, const HalfUniformCrossover&);
template std::unique_ptr<Crosser<std::uint16_t>> make_half_crosser(const Layout&,
                                                                   const HalfUniformCrossover&);

}  // namespace cambrian
