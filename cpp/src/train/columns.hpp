// Sums over rows for every column.
#pragma once

#include <cstddef>

namespace cambrian::train {

struct ColumnSums {
    static constexpr int kMost = 64;
    double first[kMost], second[kMost];

    // For columns `column` to `column + count` of x (rows, columns), count at most kMost: the sums of
    // x - centre and of (x - centre)²; or, if there is dy (rows, columns), of dy and of (x - centre) · dy.
    // centre (columns) may be null, for zeros.
    void add_up(std::size_t rows, int columns, int column, int count, const float* x, const float* dy,
                const float* centre);
};

}  // namespace cambrian::train
