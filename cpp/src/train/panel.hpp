// The product that everything dense is made of: some rows by a few columns.
#pragma once

#include <cstddef>

namespace cambrian::train {

// For every row i and column j,
//     c[to[i] + j] = start + Σ over s, l of a[from[i] + segments[s] + l · step] · b[(s · length + l) · ldb +
//     j]
// where start is what c holds, or the bias, or 0. With these offsets a convolution reads its images in place.
// Without lists, from[i] = i · from_each and to[i] = i · to_each.
struct Panel {
    const float* a;
    const std::ptrdiff_t *from, *to;
    std::ptrdiff_t from_each, to_each;
    int rows;
    const std::ptrdiff_t *segments, *starts;
    int segment_count;
    std::ptrdiff_t length, step;
    const float* b;
    std::ptrdiff_t ldb;
    float* c;
    int columns;
    const float* bias;
    bool accumulate;

    std::ptrdiff_t from_row(int i) const { return from != nullptr ? from[i] : i * from_each; }
    std::ptrdiff_t to_row(int i) const { return to != nullptr ? to[i] : i * to_each; }
};

// A diagonal panel has a[… + j] in the place of a[…]: every column has its own a, as depthwise convolutions
// do.

inline constexpr int kMostColumns = 32;

// A kernel for up to `columns` columns.
struct PanelKernel {
    int columns;
    void (*run)(const Panel&);
};

// The best for as many columns as there are still to do; it may do fewer.
const PanelKernel& panel_kernel(int columns);
const PanelKernel& diagonal_kernel(int rows, int columns);

}  // namespace cambrian::train
