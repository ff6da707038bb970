#include <algorithm>

#include "blend.hpp"
#include "cambrian/crossover.hpp"
#include "cambrian/limit.hpp"
#include "units.hpp"

namespace cambrian {
namespace {

// Of a block, words 0 … height - 1 say which rows are crossed at all; from word kSwaps on, those that say
// which genes come from the second parent, row after row.
constexpr std::uint32_t kSwaps = kMostRows;

std::size_t blocks_of(std::size_t words) {
    return (words + 3) / 4;
}

// By gene. Even odds take one bit a gene; others a byte, which is compared with the first byte of the
// probability, and where these are equal a word of another stream.
template <class T>
class GeneCrosser final : public Crosser<T> {
  public:
    GeneCrosser(const Layout& layout, const UniformCrossover& crossover)
        : width_(layout.width()),
          rate_(crossover.rate),
          last_(static_cast<std::uint32_t>(rate_.threshold - 1)),
          swap_(crossover.swap),
          limit_(layout) {}

    void cross(const Brood& brood, const T* const* first, const T* const* second, T* children,
               Scratch<T>& scratch) const override {
        if (rate_.threshold == 0) return copy_first(brood, first, children);
        const bool even = swap_.threshold == std::uint64_t{1} << 31;
        reserve(brood, scratch);
        std::uint32_t* rates = scratch.words.data();
        std::uint32_t* bits = scratch.words.data() + kSwaps;
        fill(brood, 0, brood.height, scratch.words.data());
        if (even) {
            fill(brood, kSwaps / 4, brood.height * bit_words(), bits);
        } else {
            for (const std::size_t row : brood.rows) draw_bits(brood, row, scratch);
        }
        // No branch on whether a child is crossed, as that can't be predicted.
        for (std::size_t row = 0; row < brood.height; ++row) rates[row] = rates[row] <= last_ ? ~0U : 0U;
        blend_({first, second, bits, bit_words(), width_, children, rates, limit_.data()}, brood.rows.data(),
               brood.rows.size());
    }

    bool limits() const override { return true; }

  private:
    std::size_t bit_words() const { return (width_ + 31) / 32; }

    // In scratch.words: the rates; from kSwaps on the bits of all rows, then the bytes of one.
    void reserve(const Brood& brood, Scratch<T>& scratch) const {
        const std::size_t bits = 4 * blocks_of(brood.height * bit_words());
        const std::size_t size = kSwaps + bits + 4 * blocks_of((width_ + 3) / 4);
        if (scratch.words.size() < size) scratch.words.resize(size);
    }

    void copy_first(const Brood& brood, const T* const* first, T* children) const {
        for (const std::size_t row : brood.rows) {
            std::copy_n(first[row], width_, children + row * width_);
            limit_.apply(children + row * width_, 1);
        }
    }

    static void fill(const Brood& brood, std::uint32_t from, std::size_t words, std::uint32_t* out) {
        const Philox counter{from, brood.purpose, brood.first, brood.source.generation};
        philox_fill(brood.source.key, counter, 0, blocks_of(words), out);
    }

    void draw_bits(const Brood& brood, std::size_t row, Scratch<T>& scratch) const {
        std::uint32_t* bits = scratch.words.data() + kSwaps + row * bit_words();
        const std::size_t blocks = blocks_of((width_ + 3) / 4);
        std::uint32_t* bytes = scratch.words.data() + scratch.words.size() - 4 * blocks;
        fill(brood, static_cast<std::uint32_t>(kSwaps / 4 + row * blocks), 4 * blocks, bytes);
        const auto whole = static_cast<std::uint32_t>(swap_.threshold >> 24);
        Stream again(brood.source, brood.purpose + kAgain, brood.first + static_cast<std::uint32_t>(row));
        std::fill_n(bits, bit_words(), 0);
        for (std::size_t c = 0; c < width_; ++c) {
            const std::uint32_t byte = (bytes[c / 4] >> 8 * (c % 4)) & 0xFF;
            bool swapped = byte < whole;
            if (byte == whole) swapped = again.word() < static_cast<std::uint32_t>(swap_.threshold << 8);
            bits[c / 32] |= std::uint32_t{swapped} << c % 32;
        }
    }

    std::size_t width_;
    Chance rate_;
    std::uint32_t last_;  // the largest word that holds
    Chance swap_;
    Limit<T> limit_;
    Blend<T> blend_ = choose_blend<T>();
};

template <class T>
class SlotCrosser final : public Crosser<T> {
  public:
    SlotCrosser(const Layout& layout, const UniformCrossover& crossover)
        : width_(layout.width()),
          rate_(crossover.rate),
          swap_(crossover.swap),
          borders_(unit_borders(layout, By::kSlot)) {}

    void cross(const Brood& brood, const T* const* first, const T* const* second, T* children,
               Scratch<T>&) const override {
        const Streams streams = brood.streams();
        for (const std::size_t row : brood.rows) {
            T* child = children + row * width_;
            Stream stream = streams[row];
            std::copy_n(first[row], width_, child);
            if (!rate_.holds(stream.word())) continue;
            for (std::size_t u = 0; u + 1 < borders_.size(); ++u) {
                if (!swap_.holds(stream.word())) continue;
                std::copy(second[row] + borders_[u], second[row] + borders_[u + 1], child + borders_[u]);
            }
        }
    }

  private:
    std::size_t width_;
    Chance rate_;
    Chance swap_;
    std::vector<std::uint32_t> borders_;
};

}  // namespace

template <class T>
std::unique_ptr<Crosser<T>> make_uniform_crosser(const Layout& layout, const UniformCrossover& crossover) {
    if (crossover.by == By::kSlot) return std::make_unique<SlotCrosser<T>>(layout, crossover);
    return std::make_unique<GeneCrosser<T>>(layout, crossover);
}

template std::unique_ptr<Crosser<std::uint8_t>> make_uniform_crosser(const Layout&, const UniformCrossover&);
template std::unique_ptr<Crosser<std::uint16_t>> make_uniform_crosser(const Layout&, const UniformCrossover&);

}  // namespace cambrian
