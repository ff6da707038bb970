#include "product.hpp"

#include <algorithm>

#include "../vector.hpp"

namespace cambrian::train {
namespace {

// Products of b for one pass over the rows: a panel of this many rows of 32 columns is half of a first cache.
constexpr std::ptrdiff_t kDeep = 128;

// Panels of b whose rows are far apart in memory, or are columns there, are copied if that pays.
struct Packed {
    static constexpr int kWorth = 32;  // rows of a that read them
    float values[static_cast<std::size_t>(kDeep) * 2 * kMostColumns];
    std::ptrdiff_t starts[2 * kDeep];

    // Of the columns from `b` on.
    void copy(const Product& product, Panel& p, const float* b) {
        float* to = values;
        for (int s = 0; s < p.segment_count; ++s) {
            const float* from = b + p.starts[s];
            starts[s] = to - values;
            if (product.transposed) {
                transpose(p.columns, p.length, from, product.ldb, to, p.columns);
                to += p.length * p.columns;
                continue;
            }
            for (std::ptrdiff_t k = 0; k < p.length; ++k, to += p.columns, from += product.ldb) {
                std::copy_n(from, p.columns, to);
            }
        }
        p.b = values, p.ldb = p.columns, p.starts = starts;
    }
};

// One run of segments over all columns.
void sweep(const Product& product, const Panel& run, Packed& packed) {
    for (int column = 0; column < product.columns;) {
        Panel p = run;
        const PanelKernel& kernel = panel_kernel(product.columns - column);
        p.columns = std::min(product.columns - column, kernel.columns);
        p.b = product.b + (product.transposed ? column * product.ldb : column);
        p.c = product.c + column;
        p.bias = product.bias == nullptr ? nullptr : product.bias + column;
        const bool wide = product.columns > kMostColumns && product.rows >= Packed::kWorth;
        if (product.transposed || wide) packed.copy(product, p, p.b);
        kernel.run(p);
        column += p.columns;
    }
}

}  // namespace

void transpose(std::ptrdiff_t rows, std::ptrdiff_t columns, const float* from, std::ptrdiff_t from_stride,
               float* to, std::ptrdiff_t to_stride) {
    std::ptrdiff_t row = 0;
#ifdef CAMBRIAN_X86
    for (; row + 4 <= rows; row += 4, from += 4 * from_stride, to += 4) {
        std::ptrdiff_t column = 0;
        for (; column + 4 <= columns; column += 4) {
            __m128 a = _mm_loadu_ps(from + column), b = _mm_loadu_ps(from + from_stride + column);
            __m128 c = _mm_loadu_ps(from + 2 * from_stride + column);
            __m128 d = _mm_loadu_ps(from + 3 * from_stride + column);
            _MM_TRANSPOSE4_PS(a, b, c, d);
            _mm_storeu_ps(to + column * to_stride, a);
            _mm_storeu_ps(to + (column + 1) * to_stride, b);
            _mm_storeu_ps(to + (column + 2) * to_stride, c);
            _mm_storeu_ps(to + (column + 3) * to_stride, d);
        }
        for (; column < columns; ++column) {
            for (int i = 0; i < 4; ++i) to[column * to_stride + i] = from[i * from_stride + column];
        }
    }
#endif
    for (; row < rows; ++row, from += from_stride, ++to) {
        for (std::ptrdiff_t column = 0; column < columns; ++column) to[column * to_stride] = from[column];
    }
}

void multiply(const Product& product) {
    Packed packed;
    Panel p = product;
    if (product.length <= kDeep) {
        const auto most = static_cast<int>(2 * kDeep / std::max<std::ptrdiff_t>(product.length, 1));
        const int passes = std::max(1, (product.segment_count + most - 1) / most);
        for (int i = 0, done = 0; i < passes; ++i, done += p.segment_count) {
            p.segments = product.segments + done, p.starts = product.starts + done;
            p.segment_count = (product.segment_count - done + passes - i - 1) / (passes - i);
            sweep(product, p, packed);
            p.accumulate = true;
        }
        return;
    }
    const std::ptrdiff_t passes = (product.length + 2 * kDeep - 1) / (2 * kDeep);
    for (int s = 0; s < product.segment_count; ++s) {
        std::ptrdiff_t done = 0;
        for (std::ptrdiff_t i = 0; i < passes; ++i, done += p.length) {
            const std::ptrdiff_t segment = product.segments[s] + done * product.step;
            const std::ptrdiff_t start = product.starts[s] + done * (product.transposed ? 1 : product.ldb);
            p.segments = &segment, p.starts = &start, p.segment_count = 1;
            p.length = (product.length - done + passes - i - 1) / (passes - i);
            sweep(product, p, packed);
            p.accumulate = true;
        }
    }
}

void multiply_diagonal(const Panel& panel) {
    Panel p = panel;
    for (int left = panel.columns; left > 0; left -= p.columns) {
        const PanelKernel& kernel = diagonal_kernel(panel.rows, left);
        p.columns = std::min(left, kernel.columns);
        kernel.run(p);
        p.a += p.columns, p.b += p.columns, p.c += p.columns;
        if (p.bias != nullptr) p.bias += p.columns;
    }
}

}  // namespace cambrian::train
