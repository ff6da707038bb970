// Children are made in blocks, whose borders depend on nothing but the width of a genome: so a stream of
// random words may belong to a whole block.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "cambrian/layout.hpp"
#include "cambrian/rng.hpp"

namespace cambrian {

inline constexpr std::size_t kMostRows = 128;

// Rows of a block, a power of two: what is worked on together stays in the nearest caches.
template <class T>
std::size_t rows_of(const Layout& layout) {
    constexpr std::size_t kBytes = std::size_t{1} << 18;
    const std::size_t row = sizeof(T) * std::max<std::size_t>(layout.width(), 1);
    return std::bit_floor(std::clamp<std::size_t>(kBytes / row, 1, kMostRows));
}

// Children of one block, as an operator is told of them.
struct Brood {
    const Source& source;
    std::uint32_t purpose;                // of the operator's streams
    std::uint32_t first;                  // number of the block's first child
    std::size_t height;                   // rows of a whole block; the last one may have fewer
    std::span<const std::uint16_t> rows;  // those it works on, rising: of a mixture, some
    double* rates;                        // own rate of each row of the block, or none

    // Its rows follow each other without a gap.
    bool whole() const { return rows.empty() || rows.back() - rows.front() + std::size_t{1} == rows.size(); }
    // The streams of its rows, each its own.
    Streams streams() const {
        return {source, purpose, first, rows.empty() ? 0 : rows.back() + std::size_t{1}};
    }
};

// A gene that is to be changed: its place among those of the block, and its column.
struct Hit {
    std::uint32_t at;
    std::uint32_t column;

    Hit() {}  // so that making room for many costs nothing
    Hit(std::uint32_t a, std::uint32_t c) : at(a), column(c) {}
};

// Memory that operators of one thread work in.
template <class T>
struct Scratch {
    explicit Scratch(const Layout& layout)
        : normal(layout.width()), active(layout.width()), taken(layout.width()) {}

    std::vector<T> normal;
    std::vector<std::uint8_t> active;
    std::vector<std::uint8_t> taken;  // all 0 between uses
    std::vector<std::uint32_t> genes;
    std::vector<std::uint32_t> chosen;
    std::vector<Hit> hits;
    std::vector<std::uint32_t> words;
    std::vector<T> slots;
    std::vector<std::int32_t> source;
    std::vector<std::int32_t> position;

    // What an operator makes once and keeps from block to block.
    template <class Made, class Make>
    Made& kept(const void* owner, Make make) {
        std::shared_ptr<void>& place = kept_[owner];
        if (!place) place = std::make_shared<Made>(make());
        return *static_cast<Made*>(place.get());
    }

  private:
    std::map<const void*, std::shared_ptr<void>> kept_;
};

// Into the second cache: many are asked for at once, and the first is too small for them.
inline void prefetch([[maybe_unused]] const void* address) {
#ifdef __GNUC__
    __builtin_prefetch(address, 0, 2);
#endif
}

}  // namespace cambrian
