#include <algorithm>
#include <array>
#include <bit>

#include "bits.hpp"
#include "cambrian/crossover.hpp"
#include "cambrian/real.hpp"

namespace cambrian {
namespace {

// u^power for u from (0, 1) given as an odd number of 31 bits, u = odd / 2^31: by the power of its leading
// bit and a table of those of the rest, between whose 256 steps it is linear (a relative error below 2e-6).
class Powers {
  public:
    explicit Powers(double power) {
        for (int i = 0; i <= kSteps; ++i)
            rest_[static_cast<std::size_t>(i)] = portable_pow(1.0 + i / static_cast<double>(kSteps), power);
        for (int bit = 0; bit < 31; ++bit)
            leading_[static_cast<std::size_t>(bit)] =
                portable_pow(1.0 / static_cast<double>(std::uint32_t{1} << (31 - bit)), power);
    }

    double of(std::uint32_t odd) const {
        const int bit = std::bit_width(odd) - 1;
        const std::uint32_t rest = (odd ^ (std::uint32_t{1} << bit)) << (31 - bit) << 1;  // in 2^-32
        const std::size_t step = rest >> 24;
        const double part = static_cast<double>(rest & 0xFF'FFFF) * 0x1p-24;
        const double low = rest_[step];
        return leading_[static_cast<std::size_t>(bit)] * (low + part * (rest_[step + 1] - low));
    }

  private:
    static constexpr int kSteps = 256;
    std::array<double, kSteps + 1> rest_;
    std::array<double, 31> leading_;
};

template <class T>
class BinaryCrosser final : public Crosser<T> {
  public:
    BinaryCrosser(const Layout& layout, const SimulatedBinaryCrossover& crossover)
        : rate_(crossover.rate),
          genes_(crossover.genes),
          spread_{Powers(1.0 / (crossover.eta + 1.0)), Powers(-1.0 / (crossover.eta + 1.0))} {
        for (const Column& column : layout.columns) {
            last_.push_back(static_cast<T>(column.options - 1));
            ordered_.push_back(column.ordered() ? 1 : 0);
        }
    }

    // The words are those of the block, of one child after the other.
    void cross(const Brood& brood, const T* const* first, const T* const* second, T* children,
               Scratch<T>& scratch) const override {
        Words words(brood.source, brood.purpose, brood.first);
        const std::size_t width = last_.size();
        scratch.words.resize(bit_words(width));
        scratch.genes.resize(width);
        for (const std::size_t row : brood.rows) {
            T* child = children + row * width;
            std::copy_n(first[row], width, child);
            if (!rate_.holds(words.word())) continue;
            fill_bits(genes_, width, words, scratch.words.data());
            const std::size_t count = choose(second[row], scratch.words.data(), child, scratch.genes.data());
            for (std::size_t i = 0; i < count; ++i) {
                const std::size_t c = scratch.genes[i];
                child[c] =
                    drawn(std::min(child[c], last_[c]), std::min(second[row][c], last_[c]), last_[c], words);
            }
        }
    }

  private:
    // Takes over unordered genes, and lists the ordered ones that are to be drawn.
    std::size_t choose(const T* second, const std::uint32_t* bits, T* child, std::uint32_t* genes) const {
        std::size_t count = 0;
        for (std::size_t c = 0; c < last_.size(); ++c) {
            const bool chosen = has_bit(bits, c);
            const T a = child[c], b = second[c];
            genes[count] = static_cast<std::uint32_t>(c);
            count += chosen && ordered_[c] != 0 && a != b ? 1 : 0;
            child[c] = chosen && ordered_[c] == 0 ? b : a;
        }
        return count;
    }

    // Of a word, the first bit says whose side it is on, the second whether it lies between the parents or
    // beyond. What is not one of the gene's options is drawn again, as the bounded operator's distribution is
    // the unbounded one's, given that it is inside.
    T drawn(T a, T b, T last, Words& words) const {
        const double sum = static_cast<double>(a) + static_cast<double>(b);
        const double apart = a < b ? static_cast<double>(b - a) : static_cast<double>(a - b);
        while (true) {
            const std::uint32_t word = words.word();
            const double reach = spread_[(word >> 30) & 1].of((word << 1 & 0x7FFF'FFFF) | 1) * apart;
            const double value = 0.5 * (word >> 31 != 0 ? sum + reach : sum - reach) + 0.5;
            if (value >= 0.0 && value < static_cast<double>(last) + 1.0) return static_cast<T>(value);
        }
    }

    Chance rate_;
    Chance genes_;
    std::array<Powers, 2> spread_;  // between the parents, and beyond
    std::vector<T> last_;
    std::vector<std::uint8_t> ordered_;
};

}  // namespace

template <class T>
std::unique_ptr<Crosser<T>> make_binary_crosser(const Layout& layout,
                                                const SimulatedBinaryCrossover& crossover) {
    return std::make_unique<BinaryCrosser<T>>(layout, crossover);
}

template std::unique_ptr<Crosser<std::uint8_t>> make_binary_crosser(const Layout&,
                                                                    const SimulatedBinaryCrossover&);
template std::unique_ptr<Crosser<std::uint16_t>> make_binary_crosser(const Layout&,
                                                                     const SimulatedBinaryCrossover&);

}  // namespace cambrian
