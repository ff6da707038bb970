// Sums and products, element by element. Results may be one of the operands.
#pragma once

#include <cstddef>

namespace cambrian::train {

// y (n) += x (n)
void add_to(std::size_t n, const float* x, float* y);

// y (n) = a (n) + b (n)
void add(std::size_t n, const float* a, const float* b, float* y);

// y (n) = a (n) · b (n), or y += a · b
void multiply(std::size_t n, const float* a, const float* b, float* y, bool add = false);

// y (n, rows, c) = a (n, rows, c) · b (n, c), the same factors for every row, or y += a · b.
void multiply_rows(std::size_t n, std::size_t rows, int c, const float* a, const float* b, float* y,
                   bool add = false);
// db (n, c) = the sum over rows of dy · a.
void multiply_rows_backward(std::size_t n, std::size_t rows, int c, const float* a, const float* dy,
                            float* db, bool add);

// y (n) = factor · x (n), or y += factor · x
void scale(std::size_t n, float factor, const float* x, float* y, bool add = false);

// y (n) += weight · (x (n) - y)
void lerp(std::size_t n, float weight, const float* x, float* y);

// y (rows, columns) = x (rows, columns), or y += x, with as many floats from row to row as the strides say:
// parts of a concatenation.
void copy_columns(std::size_t rows, int columns, const float* x, std::size_t x_stride, float* y,
                  std::size_t y_stride, bool add = false);

}  // namespace cambrian::train
