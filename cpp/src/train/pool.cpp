#include "cambrian/train/pool.hpp"

#include <algorithm>
#include <cmath>

namespace cambrian::train {
namespace {

struct Span {
    int begin, end;

    int size() const { return end - begin; }
};

// What of [0, side) the window of output i covers.
Span window(const Pool& pool, int side, int i) {
    const int begin = i * pool.stride - (pool.kernel % 2 == 1 ? pool.kernel / 2 : 0);
    return {std::max(begin, 0), std::min(begin + pool.kernel, side)};
}

Span adaptive_window(int side, int out, int i) {
    const auto at = [&](std::int64_t j) { return j * side; };
    return {static_cast<int>(at(i) / out), static_cast<int>((at(i + 1) + out - 1) / out)};
}

std::size_t size(int n) {
    return static_cast<std::size_t>(n);
}

void zero(bool add, std::size_t n, float* x) {
    if (!add) std::fill_n(x, n, 0.0f);
}

// y = the means of windows of pixels of one image; rows(i) and columns(j) are those of output (i, j).
template <typename Rows, typename Columns>
void averages(int w, int c, int out_h, int out_w, Rows rows, Columns columns, const float* x, float* y) {
    for (int i = 0; i < out_h; ++i) {
        for (int j = 0; j < out_w; ++j, y += c) {
            const Span down = rows(i), across = columns(j);
            std::fill_n(y, c, 0.0f);
            for (int row = down.begin; row < down.end; ++row) {
                for (int column = across.begin; column < across.end; ++column) {
                    const float* pixel = x + size(row * w + column) * size(c);
                    for (int k = 0; k < c; ++k) y[k] += pixel[k];
                }
            }
            const float part = 1.0f / static_cast<float>(down.size() * across.size());
            for (int k = 0; k < c; ++k) y[k] *= part;
        }
    }
}

template <typename Rows, typename Columns>
void spread(int w, int c, int out_h, int out_w, Rows rows, Columns columns, const float* dy, float* dx) {
    for (int i = 0; i < out_h; ++i) {
        for (int j = 0; j < out_w; ++j, dy += c) {
            const Span down = rows(i), across = columns(j);
            const float part = 1.0f / static_cast<float>(down.size() * across.size());
            for (int row = down.begin; row < down.end; ++row) {
                for (int column = across.begin; column < across.end; ++column) {
                    float* pixel = dx + size(row * w + column) * size(c);
                    for (int k = 0; k < c; ++k) pixel[k] += part * dy[k];
                }
            }
        }
    }
}

}  // namespace

void max_pool_forward(const Pool& pool, const float* x, float* y, std::int32_t* where) {
    const int c = pool.c;
    for (int image = 0; image < pool.n; ++image, x += size(pool.h * pool.w) * size(c)) {
        for (int i = 0; i < pool.out_h(); ++i) {
            for (int j = 0; j < pool.out_w(); ++j, y += c) {
                const Span down = window(pool, pool.h, i), across = window(pool, pool.w, j);
                for (int k = 0; k < c; ++k) {
                    int best = down.begin * pool.w + across.begin;
                    for (int row = down.begin; row < down.end; ++row) {
                        for (int column = across.begin; column < across.end; ++column) {
                            const int at = row * pool.w + column;
                            const float value = x[size(at) * size(c) + size(k)];
                            if (value > x[size(best) * size(c) + size(k)] || std::isnan(value)) best = at;
                        }
                    }
                    y[k] = x[size(best) * size(c) + size(k)];
                    if (where != nullptr) where[k] = best;
                }
                if (where != nullptr) where += c;
            }
        }
    }
}

void max_pool_backward(const Pool& pool, const std::int32_t* where, const float* dy, float* dx, bool add) {
    const std::size_t c = size(pool.c), image = size(pool.h * pool.w) * c,
                      out = size(pool.out_h() * pool.out_w()) * c;
    zero(add, size(pool.n) * image, dx);
    for (int n = 0; n < pool.n; ++n, dx += image) {
        for (std::size_t i = 0; i < out; ++i) dx[size(*where++) * c + i % c] += *dy++;
    }
}

void avg_pool_forward(const Pool& pool, const float* x, float* y) {
    const int out_h = pool.out_h(), out_w = pool.out_w();
    for (int n = 0; n < pool.n; ++n) {
        averages(
            pool.w, pool.c, out_h, out_w, [&](int i) { return window(pool, pool.h, i); },
            [&](int j) { return window(pool, pool.w, j); }, x + size(n * pool.h * pool.w) * size(pool.c),
            y + size(n * out_h * out_w) * size(pool.c));
    }
}

void avg_pool_backward(const Pool& pool, const float* dy, float* dx, bool add) {
    const int out_h = pool.out_h(), out_w = pool.out_w();
    zero(add, size(pool.n * pool.h * pool.w) * size(pool.c), dx);
    for (int n = 0; n < pool.n; ++n) {
        spread(
            pool.w, pool.c, out_h, out_w, [&](int i) { return window(pool, pool.h, i); },
            [&](int j) { return window(pool, pool.w, j); }, dy + size(n * out_h * out_w) * size(pool.c),
            dx + size(n * pool.h * pool.w) * size(pool.c));
    }
}

void adaptive_avg_pool_forward(int n, int h, int w, int c, int out_h, int out_w, const float* x, float* y) {
    for (int image = 0; image < n; ++image) {
        averages(
            w, c, out_h, out_w, [&](int i) { return adaptive_window(h, out_h, i); },
            [&](int j) { return adaptive_window(w, out_w, j); }, x + size(image * h * w) * size(c),
            y + size(image * out_h * out_w) * size(c));
    }
}

void adaptive_avg_pool_backward(int n, int h, int w, int c, int out_h, int out_w, const float* dy, float* dx,
                                bool add) {
    zero(add, size(n * h * w) * size(c), dx);
    for (int image = 0; image < n; ++image) {
        spread(
            w, c, out_h, out_w, [&](int i) { return adaptive_window(h, out_h, i); },
            [&](int j) { return adaptive_window(w, out_w, j); }, dy + size(image * out_h * out_w) * size(c),
            dx + size(image * h * w) * size(c));
    }
}

void mean_rows_forward(std::size_t n, std::size_t rows, int c, const float* x, float* y) {
    for (std::size_t i = 0; i < n; ++i, y += c) {
        std::fill_n(y, c, 0.0f);
        for (std::size_t row = 0; row < rows; ++row, x += c) {
            for (int k = 0; k < c; ++k) y[k] += x[k];
        }
        for (int k = 0; k < c; ++k) y[k] /= static_cast<float>(rows);
    }
}

void mean_rows_backward(std::size_t n, std::size_t rows, int c, const float* dy, float* dx, bool add) {
    for (std::size_t i = 0; i < n; ++i, dy += c) {
        for (std::size_t row = 0; row < rows; ++row, dx += c) {
            for (int k = 0; k < c; ++k) dx[k] = (add ? dx[k] : 0.0f) + dy[k] / static_cast<float>(rows);
        }
    }
}

}  // namespace cambrian::train
