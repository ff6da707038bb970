// Pooling of images (n, h, w, c); tokens are images of width 1.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cambrian::train {

// An odd kernel is padded by (kernel - 1) / 2 on each side; an even one is as long as the stride and not
// padded, but its last window may reach beyond the image (torch's ceil mode). Only what lies inside counts,
// for averages too. A side becomes ceil(side / stride).
struct Pool {
    int n = 1, h = 1, w = 1, c = 1, kernel = 1, stride = 1;

    int out_h() const { return (h + stride - 1) / stride; }
    int out_w() const { return (w + stride - 1) / stride; }
};

// y (n, out_h, out_w, c); where, as y, says for the backward pass which place of the window was the greatest,
// the first of equals; it may be null. A NaN is greater than all.
void max_pool_forward(const Pool& pool, const float* x, float* y, std::int32_t* where);
void max_pool_backward(const Pool& pool, const std::int32_t* where, const float* dy, float* dx, bool add);

void avg_pool_forward(const Pool& pool, const float* x, float* y);
void avg_pool_backward(const Pool& pool, const float* dy, float* dx, bool add);

// y (n, out_h, out_w, c): averages of windows that cover the image (torch's AdaptiveAvgPool2d); sides may
// grow.
void adaptive_avg_pool_forward(int n, int h, int w, int c, int out_h, int out_w, const float* x, float* y);
void adaptive_avg_pool_backward(int n, int h, int w, int c, int out_h, int out_w, const float* dy, float* dx,
                                bool add);

// y (n, c) = the mean over rows of x (n, rows, c).
void mean_rows_forward(std::size_t n, std::size_t rows, int c, const float* x, float* y);
void mean_rows_backward(std::size_t n, std::size_t rows, int c, const float* dy, float* dx, bool add);

}  // namespace cambrian::train
