// Steps of optimizers, each in one pass; torch's formulas.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cambrian::train {

double sum_of_squares(std::size_t n, const float* x);

// AdamW (Loshchilov and Hutter 2019) with betas 0.9, 0.999 and eps 1e-8. The gradient is g · scale; m and v
// (n) begin as zeros; `step` counts from 1.
void adamw(std::size_t n, float* p, const float* g, float scale, float* m, float* v, float lr, float decay,
           std::int64_t step);

// Nesterov's accelerated gradient (Sutskever et al. 2013), or plain descent if momentum is 0 (then buffer is
// not read and may be null). The gradient is g · scale + decay · p; the buffer (n) begins as zeros.
void sgd(std::size_t n, float* p, const float* g, float scale, float* buffer, float lr, float decay,
         float momentum);

}  // namespace cambrian::train
