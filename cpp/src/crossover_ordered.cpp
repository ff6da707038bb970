#include <algorithm>
#include <array>
#include <bit>
#include <limits>

#include "bits.hpp"
#include "blend.hpp"
#include "cambrian/crossover.hpp"
#include "cambrian/limit.hpp"
#include "vector.hpp"

namespace cambrian {
namespace {

constexpr std::size_t kBlock = 4;          // words of one block of the generator
constexpr std::size_t kGenes = kMostRows;  // of a block's words, the first that belongs to a gene
constexpr int kShareBits = 14;             // of the weight of an arithmetic crossover

// What a child's gene is made of, besides the parents' and a random word.
struct Shape {
    int bits;            // of fractions of an option
    std::int32_t share;  // alpha or the weight, in those fractions
};

template <class T>
struct Rows {
    const T* first;
    const T* second;
    const std::uint32_t* words;
    const T* last;                // last option of each gene
    const std::uint8_t* ordered;  // 1 or 0
    T* child;
};

// Uniform from `share` distances below the lower to as much above the higher, and half an option beyond at
// either end, so that all options inside are as likely. Rounding down adds the lower half.
template <class T>
CAMBRIAN_INLINE void widen(const Rows<T> rows, std::size_t width, const Shape shape) {
    const std::int32_t one = std::int32_t{1} << shape.bits;
    const std::uint32_t step = static_cast<std::uint32_t>(one + 2 * shape.share);
    for (std::size_t c = 0; c < width; ++c) {
        const std::int32_t a = rows.first[c], b = rows.second[c];
        const std::int32_t low = std::min(a, b), distance = std::max(a, b) - low;
        const std::uint32_t room =
            static_cast<std::uint32_t>(distance) * step + static_cast<std::uint32_t>(one);
        const auto part = static_cast<std::int32_t>((std::uint64_t{rows.words[c]} * room) >> 32);
        const std::int32_t value = (low * one - distance * shape.share + part) >> shape.bits;
        const std::int32_t inside = std::min(std::max(value, 0), std::int32_t{rows.last[c]});
        const std::int32_t either = rows.words[c] >> 31 != 0 ? b : a;
        rows.child[c] = static_cast<T>(rows.ordered[c] != 0 ? inside : either);
    }
}

// Rounded up as often as the fraction says.
template <class T>
CAMBRIAN_INLINE void average(const Rows<T> rows, std::size_t width, const Shape shape) {
    for (std::size_t c = 0; c < width; ++c) {
        const std::int32_t a = rows.first[c], b = rows.second[c];
        const auto draw = static_cast<std::int32_t>(rows.words[c] >> (32 - kShareBits));
        const std::int32_t value = a + (((b - a) * shape.share + draw) >> kShareBits);
        const std::int32_t either = draw < shape.share ? b : a;
        rows.child[c] = static_cast<T>(rows.ordered[c] != 0 ? value : either);
    }
}

#define CAMBRIAN_ORDERED(name, kernel, T)                                                       \
    CAMBRIAN_INLINE void name(const Rows<T>& rows, std::size_t width, const Shape& shape) {     \
        kernel(rows, width, shape);                                                             \
    }                                                                                           \
    CAMBRIAN_VERSIONS(void, name, (const Rows<T>& rows, std::size_t width, const Shape& shape), \
                      (rows, width, shape))
CAMBRIAN_ORDERED(widen_bytes, widen, std::uint8_t)
CAMBRIAN_ORDERED(widen_words, widen, std::uint16_t)
CAMBRIAN_ORDERED(average_bytes, average, std::uint8_t)
CAMBRIAN_ORDERED(average_words, average, std::uint16_t)
#undef CAMBRIAN_ORDERED

template <class T>
using Kernel = void (*)(const Rows<T>& rows, std::size_t width, const Shape& shape);

template <class T>
Kernel<T> choose_kernel(const BlendCrossover&) {
    if constexpr (sizeof(T) == 1)
        return choose_widen_bytes();
    else
        return choose_widen_words();
}
template <class T>
Kernel<T> choose_kernel(const ArithmeticCrossover&) {
    if constexpr (sizeof(T) == 1)
        return choose_average_bytes();
    else
        return choose_average_words();
}

// As many bits as leave room for the widest interval of any two values.
template <class T>
Shape shape_of(const BlendCrossover& crossover) {
    const double widest = std::numeric_limits<T>::max() * (1.0 + 2.0 * crossover.alpha) + 2.0;
    const int bits = 31 - std::bit_width(static_cast<std::uint32_t>(widest));
    return {bits, static_cast<std::int32_t>(crossover.alpha * (std::int64_t{1} << bits) + 0.5)};
}
template <class T>
Shape shape_of(const ArithmeticCrossover& crossover) {
    return {kShareBits, static_cast<std::int32_t>(crossover.weight * (1 << kShareBits) + 0.5)};
}

void fill(const Brood& brood, std::size_t from, std::size_t blocks, std::uint32_t* out) {
    const Philox counter{static_cast<std::uint32_t>(from), brood.purpose, brood.first,
                         brood.source.generation};
    philox_fill(brood.source.key, counter, 0, blocks, out);
}

// Of a block, words 0 … 127 say which rows are crossed; then comes a word a gene, row after row.
template <class T>
class OrderedCrosser final : public Crosser<T> {
  public:
    template <class Crossover>
    OrderedCrosser(const Layout& layout, const Crossover& crossover)
        : rate_(crossover.rate), shape_(shape_of<T>(crossover)), kernel_(choose_kernel<T>(crossover)) {
        for (const Column& column : layout.columns) {
            last_.push_back(static_cast<T>(column.options - 1));
            ordered_.push_back(column.ordered() ? 1 : 0);
        }
    }

    void cross(const Brood& brood, const T* const* first, const T* const* second, T* children,
               Scratch<T>& scratch) const override {
        const std::size_t width = last_.size(), blocks = (width + kBlock - 1) / kBlock;
        if (scratch.words.size() < kGenes + kBlock * blocks) scratch.words.resize(kGenes + kBlock * blocks);
        std::uint32_t* rates = scratch.words.data();
        std::uint32_t* words = rates + kGenes;
        fill(brood, 0, (brood.height + kBlock - 1) / kBlock, rates);
        for (const std::size_t row : brood.rows) {
            T* child = children + row * width;
            if (!rate_.holds(rates[row])) {
                std::copy_n(first[row], width, child);
                continue;
            }
            fill(brood, kGenes / kBlock + row * blocks, blocks, words);
            kernel_({first[row], second[row], words, last_.data(), ordered_.data(), child}, width, shape_);
        }
    }

  private:
    Chance rate_;
    Shape shape_;
    Kernel<T> kernel_;
    std::vector<T> last_;
    std::vector<std::uint8_t> ordered_;
};

// Both numbers that a mean is rounded to; of unordered genes, both parents'. The mean of bytes never leaves
// them: a + b is (a | b) + (a & b).
template <class T>
CAMBRIAN_INLINE void halfway_some(const T* first, const T* second, const T* ordered, std::size_t width,
                                  T* down, T* up) {
#ifdef __GNUC__
#pragma GCC ivdep
#endif
    for (std::size_t c = 0; c < width; ++c) {
        const T a = first[c], b = second[c], differ = static_cast<T>(a ^ b);
        const T half = static_cast<T>(((differ >> 1) & ordered[c]) | (differ & a & ~ordered[c]));
        down[c] = static_cast<T>((a & b) + half);
        up[c] = static_cast<T>((a | b) - half);
    }
}
// Whole vectors; the last one begins where it must, as no harm is done to genes by doing it twice.
template <class T>
CAMBRIAN_INLINE void halfway(const T* first, const T* second, const T* ordered, std::size_t width, T* down,
                             T* up) {
    constexpr std::size_t kSpan = 64 / sizeof(T);
    if (width < kSpan) return halfway_some(first, second, ordered, width, down, up);
    for (std::size_t c = 0; c + kSpan <= width; c += kSpan)
        halfway_some(first + c, second + c, ordered + c, kSpan, down + c, up + c);
    const std::size_t c = width - kSpan;
    if (width % kSpan != 0) halfway_some(first + c, second + c, ordered + c, kSpan, down + c, up + c);
}

#define CAMBRIAN_HALFWAY(name, T)                                                                            \
    CAMBRIAN_INLINE void name(const T* first, const T* second, const T* ordered, std::size_t width, T* down, \
                              T* up) {                                                                       \
        halfway(first, second, ordered, width, down, up);                                                    \
    }                                                                                                        \
    CAMBRIAN_VERSIONS(                                                                                       \
        void, name, (const T* first, const T* second, const T* ordered, std::size_t width, T* down, T* up),  \
        (first, second, ordered, width, down, up))
CAMBRIAN_HALFWAY(halfway_bytes, std::uint8_t)
CAMBRIAN_HALFWAY(halfway_words, std::uint16_t)
#undef CAMBRIAN_HALFWAY

// Arithmetic with equal weights: a bit a gene says which way it is rounded. Words 0 … 127 of a block say
// which rows are crossed; then come the bits, row after row.
template <class T>
class MeanCrosser final : public Crosser<T> {
  public:
    MeanCrosser(const Layout& layout, double rate) : rate_(rate), limit_(layout) {
        for (const Column& column : layout.columns)
            ordered_.push_back(static_cast<T>(column.ordered() ? ~T{0} : 0));
        if constexpr (sizeof(T) == 1)
            kernel_ = choose_halfway_bytes();
        else
            kernel_ = choose_halfway_words();
    }

    void cross(const Brood& brood, const T* const* first, const T* const* second, T* children,
               Scratch<T>& scratch) const override {
        const std::size_t width = ordered_.size(), stride = bit_words(width);
        const std::size_t blocks = (brood.height * stride + kBlock - 1) / kBlock;
        if (scratch.words.size() < kGenes + kBlock * blocks) scratch.words.resize(kGenes + kBlock * blocks);
        if (scratch.slots.size() < 2 * brood.height * width) scratch.slots.resize(2 * brood.height * width);
        std::uint32_t* rates = scratch.words.data();
        fill(brood, 0, (brood.height + kBlock - 1) / kBlock, rates);
        fill(brood, kGenes / kBlock, blocks, rates + kGenes);
        std::array<const T*, kMostRows> down, up;
        for (const std::size_t row : brood.rows) {
            T* room = scratch.slots.data() + 2 * row * width;
            kernel_(first[row], second[row], ordered_.data(), width, room, room + width);
            const bool crossed = rate_.holds(rates[row]);
            down[row] = crossed ? room : first[row];
            up[row] = crossed ? room + width : first[row];
        }
        blend_({down.data(), up.data(), rates + kGenes, stride, width, children, nullptr, limit_.data()},
               brood.rows.data(), brood.rows.size());
    }

    bool limits() const override { return true; }

  private:
    Chance rate_;
    Limit<T> limit_;
    std::vector<T> ordered_;  // all bits or none
    void (*kernel_)(const T*, const T*, const T*, std::size_t, T*, T*);
    Blend<T> blend_ = choose_blend<T>();
};

}  // namespace

template <class T>
std::unique_ptr<Crosser<T>> make_ordered_crosser(const Layout& layout, const BlendCrossover& crossover) {
    return std::make_unique<OrderedCrosser<T>>(layout, crossover);
}
template <class T>
std::unique_ptr<Crosser<T>> make_ordered_crosser(const Layout& layout, const ArithmeticCrossover& crossover) {
    if (shape_of<T>(crossover).share == 1 << (kShareBits - 1))
        return std::make_unique<MeanCrosser<T>>(layout, crossover.rate);
    return std::make_unique<OrderedCrosser<T>>(layout, crossover);
}

template std::unique_ptr<Crosser<std::uint8_t>> make_ordered_crosser(const Layout&, const BlendCrossover&);
template std::unique_ptr<Crosser<std::uint16_t>> make_ordered_crosser(const Layout&, const BlendCrossover&);
template std::unique_ptr<Crosser<std::uint8_t>> make_ordered_crosser(const Layout&,
                                                                     const ArithmeticCrossover&);
template std::unique_ptr<Crosser<std::uint16_t>> make_ordered_crosser(const Layout&,
                                                                      const ArithmeticCrossover&);

}  // namespace cambrian
