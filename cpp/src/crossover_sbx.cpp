#include <algorithm>
#include <array>
#include <bit>

#include "bits.hpp"
#include "blend.hpp"
#include "cambrian/crossover.hpp"
#include "cambrian/limit.hpp"
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
          spread_{Powers(1.0 / (crossover.eta + 1.0)), Powers(-1.0 / (crossover.eta + 1.0))},
          limit_(layout) {
        ordered_.resize(bit_words(layout.width()));
        for (std::size_t c = 0; c < layout.width(); ++c) {
            last_.push_back(static_cast<T>(layout.columns[c].options - 1));
            if (layout.columns[c].ordered()) set_bit(ordered_.data(), c);
        }
    }

    // The words are those of the block, of one child after the other.
    void cross(const Brood& brood, const T* const* first, const T* const* second, T* children,
               Scratch<T>& scratch) const override {
        Words words(brood.source, brood.purpose, brood.first);
        auto& room = scratch.template kept<Room>(this, [&] { return Room(last_.size()); });
        for (const std::size_t row : brood.rows) {
            T* child = children + row * last_.size();
            if (!rate_.holds(words.word())) {
                limit_.copy(first[row], 1, child);
                continue;
            }
            fill_bits(genes_, last_.size(), words, room.bits.data());
            const std::size_t count = choose(first[row], second[row], room, child);
            draw(room.pairs.data(), count, words, child);
        }
    }

    bool limits() const override { return true; }

  private:
    // An ordered gene that is to be drawn, and its parents'.
    struct Pair {
        std::uint32_t column;
        std::int32_t options;
        std::int32_t sum;
        std::int32_t apart;
    };

    // Memory for one child.
    struct Room {
        std::vector<T> parents;
        std::vector<std::uint32_t> bits, taken;
        std::vector<Pair> pairs;

        explicit Room(std::size_t width)
            : parents(2 * width), bits(bit_words(width)), taken(bits.size()), pairs(width + 1) {}
    };

    // Takes over unordered genes, and lists the ordered ones that are to be drawn.
    std::size_t choose(const T* first, const T* second, Room& room, T* child) const {
        const std::size_t width = last_.size();
        const T *one = room.parents.data(), *two = one + width;
        limit_.copy(first, 1, room.parents.data());
        limit_.copy(second, 1, room.parents.data() + width);
        for (std::size_t i = 0; i < room.bits.size(); ++i) room.taken[i] = room.bits[i] & ~ordered_[i];
        const std::uint16_t row = 0;
        blend_({&one, &two, room.taken.data(), room.taken.size(), width, child}, &row, 1);
        Pair* const pairs = room.pairs.data();
        std::size_t count = 0;
        for (std::size_t i = 0; i < room.bits.size(); ++i) {
            for (std::uint32_t set = room.bits[i] & ordered_[i]; set != 0; set &= set - 1) {
                const std::size_t c = 32 * i + static_cast<std::size_t>(std::countr_zero(set));
                const std::int32_t a = one[c], b = two[c], lower = (a - b) >> 31;
                pairs[count] = {static_cast<std::uint32_t>(c), last_[c] + 1, a + b,
                                ((a - b) ^ lower) - lower};
                count += a != b ? 1 : 0;
            }
        }
        return count;
    }

    // Of a word, the first bit says whose side it is on, the second whether it lies between the parents or
    // beyond. What is not one of the gene's options is drawn again, as the bounded operator's distribution is
    // the unbounded one's, given that it is inside: after the others, so that no branch asks which it is.
    void draw(Pair* pairs, std::size_t count, Words& words, T* child) const {
        constexpr double kSides[] = {-1.0, 1.0};
        while (count > 0) {
            std::size_t left = 0;
            for (std::size_t i = 0; i < count; ++i) {
                const Pair pair = pairs[i];
                const std::uint32_t word = words.word();
                const double reach = spread_[(word >> 30) & 1].of((word << 1 & 0x7FFF'FFFF) | 1) * pair.apart;
                const double value = 0.5 * (pair.sum + kSides[word >> 31] * reach) + 0.5;
                // Below 2^48, as no spread is above 2^31.
                const auto option = static_cast<std::int64_t>(value);
                child[pair.column] = static_cast<T>(option);
                pairs[left] = pair;
                // The sign bits of both, as a comparison may become a branch.
                const auto beyond = static_cast<std::uint64_t>(pair.options - 1 - option);
                left += (std::bit_cast<std::uint64_t>(value) | beyond) >> 63;
            }
            count = left;
        }
    }

    Chance rate_;
    Chance genes_;
    std::array<Powers, 2> spread_;  // between the parents, and beyond
    Limit<T> limit_;
    std::vector<T> last_;
    std::vector<std::uint32_t> ordered_;  // bits
    Blend<T> blend_ = choose_blend<T>();
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
