#include "cambrian/train/loss.hpp"

#include <cmath>
#include <stdexcept>
#include <string>

#include "exponential.hpp"
#include "lanes.hpp"

namespace cambrian::train {
namespace {

struct Row {
    float greatest, sum, linear;  // of x; of exp(x - greatest); of x - greatest
};

// e (classes) = exp(x - greatest), or null.
CAMBRIAN_INLINE Row exponentials(std::size_t classes, const float* x, float* e) {
    float greatest = x[0], sum = 0.0f, linear = 0.0f;
    for (std::size_t k = 1; k < classes; ++k) greatest = x[k] <= greatest ? greatest : x[k];
    if (e == nullptr) {
        CAMBRIAN_SUM(sum, linear)
        for (std::size_t k = 0; k < classes; ++k) {
            sum += exponential(x[k] - greatest);
            linear += x[k] - greatest;
        }
    } else {
        CAMBRIAN_SUM(sum, linear)
        for (std::size_t k = 0; k < classes; ++k) {
            linear += x[k] - greatest;
            e[k] = exponential(x[k] - greatest);
            sum += e[k];
        }
    }
    return {greatest, sum, linear};
}
CAMBRIAN_KERNEL(Row, exponentials, (std::size_t classes, const float* x, float* e), (classes, x, e))

void check_classes(std::size_t rows, int classes, const std::int64_t* y) {
    for (std::size_t row = 0; row < rows; ++row) {
        if (y[row] >= 0 && y[row] < classes) continue;
        throw std::invalid_argument("class " + std::to_string(y[row]) + " in row " + std::to_string(row) +
                                    ": expected 0 to " + std::to_string(classes - 1));
    }
}

}  // namespace

double cross_entropy(std::size_t rows, int classes, const float* x, const std::int64_t* y, float smoothing,
                     float* dx) {
    check_classes(rows, classes, y);
    const auto run = choose_exponentials();
    const auto width = static_cast<std::size_t>(classes);
    const float count = static_cast<float>(rows), each = smoothing / static_cast<float>(classes) / count;
    double total = 0.0;
    for (std::size_t row = 0; row < rows; ++row, x += width) {
        const float right = x[y[row]];  // dx may be x
        const Row of = run(width, x, dx);
        const float log_sum = std::log(of.sum);
        total += static_cast<double>((1.0f - smoothing) * (log_sum - (right - of.greatest)) +
                                     smoothing * (log_sum - of.linear / static_cast<float>(classes)));
        if (dx == nullptr) continue;
        const float factor = 1.0f / (of.sum * count);
        for (std::size_t k = 0; k < width; ++k) dx[k] = dx[k] * factor - each;
        dx[y[row]] -= (1.0f - smoothing) / count;
        dx += width;
    }
    return total / static_cast<double>(rows);
}

double mean_squared_error(std::size_t n, const float* x, const float* y, float* dx) {
    double total = 0.0;
    const float factor = 2.0f / static_cast<float>(n);
    for (std::size_t i = 0; i < n; ++i) {
        const float difference = x[i] - y[i];
        total += static_cast<double>(difference) * static_cast<double>(difference);
        if (dx != nullptr) dx[i] = factor * difference;
    }
    return total / static_cast<double>(n);
}

}  // namespace cambrian::train
