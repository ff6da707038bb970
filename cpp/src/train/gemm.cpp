#include "cambrian/train/gemm.hpp"

#include "product.hpp"

namespace cambrian::train {

void gemm(bool transpose_a, bool transpose_b, int m, int n, int k, const float* a, int lda, const float* b,
          int ldb, float* c, int ldc, bool accumulate, const float* bias) {
    const std::ptrdiff_t start = 0;
    Product p{};
    p.a = a, p.from_each = transpose_a ? 1 : lda, p.step = transpose_a ? lda : 1;
    p.segments = p.starts = &start, p.segment_count = 1, p.length = k;
    p.b = b, p.ldb = ldb, p.transposed = transpose_b;
    p.c = c, p.to_each = ldc;
    p.rows = m, p.columns = n;
    p.bias = bias, p.accumulate = accumulate;
    multiply(p);
}

}  // namespace cambrian::train
