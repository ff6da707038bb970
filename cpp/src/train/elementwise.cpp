#include "cambrian/train/elementwise.hpp"

#include "columns.hpp"
#include "lanes.hpp"
#include "periodic.hpp"

namespace cambrian::train {
namespace {

CAMBRIAN_INLINE void sum(std::size_t n, const float* a, const float* b, float* y) {
    CAMBRIAN_SEPARATE for (std::size_t i = 0; i < n; ++i) y[i] = a[i] + b[i];
}
CAMBRIAN_INLINE void product(std::size_t n, const float* a, const float* b, float* y) {
    CAMBRIAN_SEPARATE for (std::size_t i = 0; i < n; ++i) y[i] = a[i] * b[i];
}
CAMBRIAN_INLINE void product_sum(std::size_t n, const float* a, const float* b, float* y) {
    CAMBRIAN_SEPARATE for (std::size_t i = 0; i < n; ++i) y[i] += a[i] * b[i];
}
CAMBRIAN_INLINE void multiple(std::size_t n, float factor, const float* x, float* y, float keep) {
    if (keep == 0.0f) {
        CAMBRIAN_SEPARATE for (std::size_t i = 0; i < n; ++i) y[i] = factor * x[i];
    } else {
        CAMBRIAN_SEPARATE for (std::size_t i = 0; i < n; ++i) y[i] = keep * y[i] + factor * x[i];
    }
}
CAMBRIAN_KERNEL(void, sum, (std::size_t n, const float* a, const float* b, float* y), (n, a, b, y))
CAMBRIAN_KERNEL(void, product, (std::size_t n, const float* a, const float* b, float* y), (n, a, b, y))
CAMBRIAN_KERNEL(void, product_sum, (std::size_t n, const float* a, const float* b, float* y), (n, a, b, y))
CAMBRIAN_KERNEL(void, multiple, (std::size_t n, float factor, const float* x, float* y, float keep),
                (n, factor, x, y, keep))

}  // namespace

void add_to(std::size_t n, const float* x, float* y) {
    choose_sum()(n, x, y, y);
}

void add(std::size_t n, const float* a, const float* b, float* y) {
    choose_sum()(n, a, b, y);
}

void multiply(std::size_t n, const float* a, const float* b, float* y, bool add) {
    (add ? choose_product_sum() : choose_product())(n, a, b, y);
}

void multiply_rows(std::size_t n, std::size_t rows, int c, const float* a, const float* b, float* y,
                   bool add) {
    const std::size_t width = static_cast<std::size_t>(c), each = rows * width;
    const auto run = add ? choose_product_sum() : choose_product();
    Periodic factors(width, each);
    for (std::size_t i = 0; i < n; ++i, a += each, b += width, y += each) {
        const float* repeated = factors.repeat(b);
        for (std::size_t at = 0; at < each; at += factors.period) {
            run(factors.part(each - at), a + at, repeated, y + at);
        }
    }
}

void multiply_rows_backward(std::size_t n, std::size_t rows, int c, const float* a, const float* dy,
                            float* db, bool add) {
    const std::size_t width = static_cast<std::size_t>(c), each = rows * width;
    ColumnSums sums;
    for (std::size_t i = 0; i < n; ++i, a += each, dy += each, db += width) {
        for (int column = 0; column < c; column += ColumnSums::kMost) {
            const int count = std::min(ColumnSums::kMost, c - column);
            sums.add_up(rows, c, column, count, a, dy, nullptr);
            for (int j = 0; j < count; ++j) {
                db[column + j] = (add ? db[column + j] : 0.0f) + static_cast<float>(sums.second[j]);
            }
        }
    }
}

void scale(std::size_t n, float factor, const float* x, float* y, bool add) {
    choose_multiple()(n, factor, x, y, add ? 1.0f : 0.0f);
}

void lerp(std::size_t n, float weight, const float* x, float* y) {
    choose_multiple()(n, weight, x, y, 1.0f - weight);
}

void copy_columns(std::size_t rows, int columns, const float* x, std::size_t x_stride, float* y,
                  std::size_t y_stride, bool add) {
    const auto run = choose_sum();
    const auto width = static_cast<std::size_t>(columns);
    for (std::size_t row = 0; row < rows; ++row, x += x_stride, y += y_stride) {
        if (add) {
            run(width, x, y, y);
        } else {
            std::copy_n(x, width, y);
        }
    }
}

}  // namespace cambrian::train
