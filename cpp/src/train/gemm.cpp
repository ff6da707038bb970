#include "cambrian/train/gemm.hpp"

#include "product.hpp"

namespace cambrian::train {

void gemm(bool transpose_a, bool transpose_b, int m, int n, int k, const float* a, int lda, const float* b,
          int ldb, float* c, int ldc, bool accumulate, const float* bias) {
    const std::ptrdiff_t start = 0;
    Product p{};
    p.a = a, p.from_each = transpose_a ? 1 : lda, p.step = transpose_a ? lda : 1;
    p.segments = &start, p.segment_count = 1, p.length = k;
    p.b = b, p.ldb = ldb, p.transposed = transpose_b;
    p.c = c, p.to_each = ldc;
    p.rows = m, p.columns = n;
    p.bias = bias, p.accumulate = accumulate;
    multiply(p);
}

void column_sums(std::size_t rows, int n, const float* x, float* sums, bool add) {
    for (int j = 0; j < n && !add; ++j) sums[j] = 0.0f;
    for (std::size_t row = 0; row < rows; ++row, x += n) {
        for (int j = 0; j < n; ++j) sums[j] += x[j];
    }
}

}  // namespace cambrian::train
