// Products of some rows by all columns, cut into panels that fit the caches.
#pragma once

#include "panel.hpp"

namespace cambrian::train {

// As Panel, for any number of columns and any length; `transposed` says that b is stored a row a column.
struct Product : Panel {
    bool transposed;
};

void multiply(const Product& product);

// A diagonal panel for any number of columns.
void multiply_diagonal(const Panel& panel);

// to (columns, rows) = the transpose of from (rows, columns).
void transpose(std::ptrdiff_t rows, std::ptrdiff_t columns, const float* from, std::ptrdiff_t from_stride,
               float* to, std::ptrdiff_t to_stride);

}  // namespace cambrian::train
