#include "cambrian/train/elementwise.hpp"

namespace cambrian::train {

void add_to(std::size_t n, const float* x, float* y) {
    for (std::size_t i = 0; i < n; ++i) y[i] += x[i];
}

void add(std::size_t n, const float* a, const float* b, float* y) {
    for (std::size_t i = 0; i < n; ++i) y[i] = a[i] + b[i];
}

void multiply(std::size_t n, const float* a, const float* b, float* y, bool add) {
    for (std::size_t i = 0; i < n; ++i) y[i] = (add ? y[i] : 0.0f) + a[i] * b[i];
}

void multiply_rows(std::size_t n, std::size_t rows, int c, const float* a, const float* b, float* y,
                   bool add) {
    for (std::size_t i = 0; i < n * rows; ++i) {
        const std::size_t width = static_cast<std::size_t>(c);
        multiply(width, a + i * width, b + i / rows * width, y + i * width, add);
    }
}

void multiply_rows_backward(std::size_t n, std::size_t rows, int c, const float* a, const float* dy,
                            float* db, bool add) {
    const std::size_t width = static_cast<std::size_t>(c);
    for (std::size_t i = 0; i < n * width && !add; ++i) db[i] = 0.0f;
    for (std::size_t i = 0; i < n * rows; ++i) {
        multiply(width, a + i * width, dy + i * width, db + i / rows * width, true);
    }
}

void scale(std::size_t n, float factor, const float* x, float* y, bool add) {
    for (std::size_t i = 0; i < n; ++i) y[i] = (add ? y[i] : 0.0f) + factor * x[i];
}

void lerp(std::size_t n, float weight, const float* x, float* y) {
    for (std::size_t i = 0; i < n; ++i) y[i] += weight * (x[i] - y[i]);
}

void copy_columns(std::size_t rows, int columns, const float* x, std::size_t x_stride, float* y,
                  std::size_t y_stride, bool add) {
    for (std::size_t row = 0; row < rows; ++row, x += x_stride, y += y_stride) {
        for (int j = 0; j < columns; ++j) y[j] = (add ? y[j] : 0.0f) + x[j];
    }
}

}  // namespace cambrian::train
