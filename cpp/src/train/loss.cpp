#include "cambrian/train/loss.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

namespace cambrian::train {

double cross_entropy(std::size_t rows, int classes, const float* x, const std::int64_t* y, float smoothing,
                     float* dx) {
    double total = 0.0;
    const float each = smoothing / static_cast<float>(classes), count = static_cast<float>(rows);
    for (std::size_t row = 0; row < rows; ++row, x += classes) {
        if (y[row] < 0 || y[row] >= classes) {
            throw std::invalid_argument("class " + std::to_string(y[row]) + " in row " + std::to_string(row) +
                                        ": expected 0 to " + std::to_string(classes - 1));
        }
        const float greatest = *std::max_element(x, x + classes), right = x[y[row]];
        float sum = 0.0f, linear = 0.0f;
        for (int k = 0; k < classes; ++k) {
            sum += std::exp(x[k] - greatest);
            linear += x[k] - greatest;
        }
        const float log_sum = std::log(sum);
        total += (1.0f - smoothing) * (log_sum - (right - greatest)) +
                 smoothing * (log_sum - linear / static_cast<float>(classes));
        if (dx == nullptr) continue;
        for (int k = 0; k < classes; ++k) {
            const float wanted = each + (k == y[row] ? 1.0f - smoothing : 0.0f);
            dx[k] = (std::exp(x[k] - greatest) / sum - wanted) / count;
        }
        dx += classes;
    }
    return total / static_cast<double>(rows);
}

double mean_squared_error(std::size_t n, const float* x, const float* y, float* dx) {
    double total = 0.0;
    const float factor = 2.0f / static_cast<float>(n);
    for (std::size_t i = 0; i < n; ++i) {
        const float difference = x[i] - y[i];
        total += difference * difference;
        if (dx != nullptr) dx[i] = factor * difference;
    }
    return total / static_cast<double>(n);
}

}  // namespace cambrian::train
