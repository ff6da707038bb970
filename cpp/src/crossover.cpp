#include "cambrian/crossover.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <type_traits>
#include <utility>

namespace cambrian {
namespace {

std::vector<std::uint32_t> unit_borders(const Layout& layout, By by) {
    std::vector<std::uint8_t> starts(layout.width(), 1);
    if (by == By::kSlot) {
        for (const Repeat& repeat : layout.repeats) {
            if (repeat.parent >= 0) continue;
            for (std::int32_t i = 0; i < repeat.max * repeat.width; ++i) {
                starts[static_cast<std::size_t>(repeat.first + i)] = i % repeat.width == 0;
            }
        }
    }
    std::vector<std::uint32_t> borders;
    for (std::uint32_t c = 0; c < starts.size(); ++c) {
        if (starts[c] != 0) borders.push_back(c);
    }
    borders.push_back(static_cast<std::uint32_t>(layout.width()));
    return borders;
}

// Byte masks of the eight bits of a byte, lowest bit first.
constexpr auto kMasks = [] {
    std::array<std::array<std::uint8_t, 8>, 256> masks{};
    for (std::size_t bits = 0; bits < 256; ++bits) {
        for (std::size_t i = 0; i < 8; ++i) masks[bits][i] = ((bits >> i) & 1) != 0 ? 0xFF : 0;
    }
    return masks;
}();

void swap_eight(std::uint8_t* child, const std::uint8_t* second, std::uint8_t bits) {
    std::uint64_t a, b, mask;
    std::memcpy(&a, child, 8);
    std::memcpy(&b, second, 8);
    std::memcpy(&mask, kMasks[bits].data(), 8);
    a ^= (a ^ b) & mask;
    std::memcpy(child, &a, 8);
}

// The genes whose bit is set, of at most 32, come from the second parent.
template <class T>
void swap_bits(T* child, const T* second, std::uint32_t bits, std::size_t count) {
    std::size_t i = 0;
    if constexpr (std::is_same_v<T, std::uint8_t>) {
        for (; i + 8 <= count; i += 8)
            swap_eight(child + i, second + i, static_cast<std::uint8_t>(bits >> i));
    }
    for (; i < count; ++i) {
        const T mask = static_cast<T>(0 - ((bits >> i) & 1));
        child[i] = static_cast<T>((child[i] & ~mask) | (second[i] & mask));
    }
}

// One bit for each word: whether the event of this chance happens.
std::uint32_t chosen(const Chance& chance, const std::uint32_t* words, std::size_t count) {
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < count; ++i) bits |= std::uint32_t{chance.holds(words[i])} << i;
    return bits;
}

}  // namespace

Crosser::Crosser(const Layout& layout, const Crossover& crossover) : crossover_(crossover) {
    if (const auto* one = std::get_if<OnePointCrossover>(&crossover)) {
        rate_ = Chance(one->rate);
        by_ = one->by;
    } else if (const auto* two = std::get_if<TwoPointCrossover>(&crossover)) {
        rate_ = Chance(two->rate);
        by_ = two->by;
    } else if (const auto* uniform = std::get_if<UniformCrossover>(&crossover)) {
        rate_ = Chance(uniform->rate);
        swap_ = Chance(uniform->swap);
        by_ = uniform->by;
    }
    borders_ = unit_borders(layout, by_);
}

template <class T>
void Crosser::copy(T* child, const T* second, std::size_t from, std::size_t to) const {
    std::copy(second + borders_[from], second + borders_[to], child + borders_[from]);
}

// Even odds take one bit a gene, others a word.
template <class T>
void Crosser::swap_genes(T* child, const T* second, Stream& stream) const {
    constexpr std::size_t kMany = 256;
    const bool even = swap_.threshold == std::uint64_t{1} << 31;
    const std::size_t width = units();
    std::array<std::uint32_t, kMany> words;
    for (std::size_t c = 0; c < width; c += 32) {
        const std::size_t count = std::min<std::size_t>(32, width - c);
        if (!even && c % kMany == 0) stream.words(words.data(), std::min(kMany, width - c));
        const std::uint32_t bits = even ? stream.word() : chosen(swap_, words.data() + c % kMany, count);
        swap_bits(child + c, second + c, bits, count);
    }
}

template <class T>
void Crosser::uniform(T* child, const T* second, Stream& stream) const {
    if (by_ == By::kGene) return swap_genes(child, second, stream);
    for (std::size_t u = 0; u < units(); ++u) {
        if (swap_.holds(stream.word())) copy(child, second, u, u + 1);
    }
}

template <class T>
void Crosser::cross(T* child, const T* second, Stream& stream) const {
    if (!needs_second() || !rate_.holds(stream.word())) return;
    if (std::holds_alternative<UniformCrossover>(crossover_)) return uniform(child, second, stream);
    const auto count = static_cast<std::uint32_t>(units());
    if (count < 2) return;
    if (std::holds_alternative<OnePointCrossover>(crossover_)) {
        return copy(child, second, 1 + stream.below(count - 1), count);
    }
    std::uint32_t from = stream.below(count);
    std::uint32_t to = stream.below(count - 1);
    if (to >= from) ++to;
    if (to < from) std::swap(from, to);
    copy(child, second, from, to);
}

template void Crosser::cross(std::uint8_t*, const std::uint8_t*, Stream&) const;
template void Crosser::cross(std::uint16_t*, const std::uint16_t*, Stream&) const;

template <class T>
void crossover(const Layout& layout, const T* first, const T* second, std::size_t n,
               const Crossover& crossover, const Source& source, const Threads& threads, T* out) {
    const Crosser crosser(layout, crossover);
    const std::size_t width = layout.width();
    parallel_for(n, rows_of_block(4 * width, 4 * Streams::kMost), threads,
                 [&](std::size_t begin, std::size_t end) {
                     std::vector<T> child(width);
                     for (std::size_t from = begin; from < end; from += Streams::kMost) {
                         const std::size_t count = std::min(Streams::kMost, end - from);
                         const Streams streams(source, kCross, static_cast<std::uint32_t>(from), count);
                         for (std::size_t i = from; i < from + count; ++i) {
                             Stream stream = streams[i - from];
                             std::copy_n(first + i * width, width, child.data());
                             crosser.cross(child.data(), second + i * width, stream);
                             std::copy(child.begin(), child.end(), out + i * width);
                         }
                     }
                 });
}

template void crossover(const Layout&, const std::uint8_t*, const std::uint8_t*, std::size_t,
                        const Crossover&, const Source&, const Threads&, std::uint8_t*);
template void crossover(const Layout&, const std::uint16_t*, const std::uint16_t*, std::size_t,
                        const Crossover&, const Source&, const Threads&, std::uint16_t*);

}  // namespace cambrian
