// Products of matrices.
#pragma once

#include <cstddef>

namespace cambrian::train {

// c (m, n) = op(a) (m, k) · op(b) (k, n), plus a bias (n) for every row if there is one, or plus what c holds
// with `accumulate` (then without bias). A transposed a is stored (k, m), a transposed b (n, k); lda, ldb and
// ldc are the floats from one stored row to the next. m, n or k may be 0.
//
// A linear layer with weight (in, out): y = gemm(x, weight, bias), dx = gemm(dy, weightᵀ),
// dweight = gemm(xᵀ, dy), dbias = column_sums(dy).
void gemm(bool transpose_a, bool transpose_b, int m, int n, int k, const float* a, int lda, const float* b,
          int ldb, float* c, int ldc, bool accumulate, const float* bias = nullptr);

// sums (n) = the sum of the rows of x (rows, n).
void column_sums(std::size_t rows, int n, const float* x, float* sums, bool add = false);

}  // namespace cambrian::train
