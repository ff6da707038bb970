#include "columns.hpp"

#include <algorithm>

#include "cambrian/train/gemm.hpp"
#include "lanes.hpp"

namespace cambrian::train {

#ifdef CAMBRIAN_X86
#define CAMBRIAN_LEVEL CAMBRIAN_FMA512
namespace lanes512 {
#include "columns_tile.hpp"
}
#undef CAMBRIAN_LEVEL
#define CAMBRIAN_LEVEL CAMBRIAN_FMA
namespace lanes2 {
#include "columns_tile.hpp"
}
#undef CAMBRIAN_LEVEL
#endif
#define CAMBRIAN_LEVEL
namespace lanes1 {
#include "columns_tile.hpp"
}
#undef CAMBRIAN_LEVEL

namespace {

using Strip = void (*)(std::size_t, std::size_t, int, const float*, const float*, const float*, float*,
                       float*);

struct Strips {
    int width;
    Strip moments, products;
};

Strips strips() {
#ifdef CAMBRIAN_X86
    if (level() == Simd::kAvx512) return {64, lanes512::strip<false>, lanes512::strip<true>};
    if (level() == Simd::kAvx2) return {32, lanes2::strip<false>, lanes2::strip<true>};
#endif
    return {16, lanes1::strip<false>, lanes1::strip<true>};
}

// Sums of floats over a few hundred rows, then of those in double precision.
void add_strip(const Strips& with, std::size_t rows, std::size_t stride, int width, const float* x,
               const float* dy, const float* centre, double* first, double* second) {
    constexpr std::size_t kBlock = 256;
    float sums[ColumnSums::kMost], products[ColumnSums::kMost];
    for (std::size_t done = 0; done < rows; done += kBlock) {
        const std::size_t count = std::min(kBlock, rows - done), at = done * stride;
        if (dy == nullptr) {
            with.moments(count, stride, width, x + at, x + at, centre, sums, products);
        } else {
            with.products(count, stride, width, x + at, dy + at, centre, sums, products);
        }
        for (int j = 0; j < width; ++j) first[j] += sums[j], second[j] += products[j];
    }
}

}  // namespace

void ColumnSums::add_up(std::size_t rows, int columns, int column, int count, const float* x, const float* dy,
                        const float* centre) {
    // Several rows of few columns are summed as one row, each by lanes of its own.
    const Strips with = strips();
    const int fold = columns == count ? std::max(1, kMost / columns) : 1, wide = fold * count;
    float centres[kMost] = {};
    if (centre != nullptr) {
        for (int i = 0; i < fold; ++i) std::copy_n(centre + column, count, centres + i * count);
    }
    double sums[kMost] = {}, products[kMost] = {};
    const std::size_t stride = static_cast<std::size_t>(columns * fold);
    const std::size_t folded = rows / static_cast<std::size_t>(fold) * static_cast<std::size_t>(fold);
    const auto add = [&](std::size_t from, std::size_t many, int width) {
        const std::size_t at = from * static_cast<std::size_t>(columns) + static_cast<std::size_t>(column);
        for (int j = 0; j < width; j += with.width) {
            const std::size_t here = at + static_cast<std::size_t>(j);
            add_strip(with, many, stride, std::min(with.width, width - j), x + here,
                      dy == nullptr ? nullptr : dy + here, centres + j, sums + j, products + j);
        }
    };
    add(0, rows / static_cast<std::size_t>(fold), wide);
    if (folded < rows) add(folded, 1, static_cast<int>(rows - folded) * count);
    std::fill_n(first, count, 0.0);
    std::fill_n(second, count, 0.0);
    for (int j = 0; j < wide; ++j) first[j % count] += sums[j], second[j % count] += products[j];
}

void column_sums(std::size_t rows, int n, const float* x, float* sums, bool add) {
    ColumnSums totals;
    for (int column = 0; column < n; column += ColumnSums::kMost) {
        const int count = std::min(ColumnSums::kMost, n - column);
        totals.add_up(rows, n, column, count, x, nullptr, nullptr);
        for (int j = 0; j < count; ++j) {
            sums[column + j] = (add ? sums[column + j] : 0.0f) + static_cast<float>(totals.first[j]);
        }
    }
}

}  // namespace cambrian::train
