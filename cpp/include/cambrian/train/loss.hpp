// Losses and their gradients.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cambrian::train {

// The mean over rows of the cross entropy of logits x (rows, classes) with classes y (rows), each of
// them smoothed: 1 - smoothing on its class and smoothing / classes on all. dx (rows, classes), or null, is
// overwritten by the gradient of the mean; it may be x. Throws std::invalid_argument for a class that is
// none.
double cross_entropy(std::size_t rows, int classes, const float* x, const std::int64_t* y, float smoothing,
                     float* dx);

// The mean of (x - y)² over all n; dx (n), or null, is its gradient; it may be x.
double mean_squared_error(std::size_t n, const float* x, const float* y, float* dx);

}  // namespace cambrian::train
