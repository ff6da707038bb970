#include "cambrian/train/gemm.hpp"

namespace cambrian::train {

void gemm(bool transpose_a, bool transpose_b, int m, int n, int k, const float* a, int lda, const float* b,
          int ldb, float* c, int ldc, bool accumulate, const float* bias) {
    for (std::ptrdiff_t i = 0; i < m; ++i) {
        float* row = c + i * ldc;
        for (int j = 0; j < n; ++j) row[j] = accumulate ? row[j] : bias != nullptr ? bias[j] : 0.0f;
        for (std::ptrdiff_t l = 0; l < k; ++l) {
            const float left = transpose_a ? a[l * lda + i] : a[i * lda + l];
            for (std::ptrdiff_t j = 0; j < n; ++j) {
                row[j] += left * (transpose_b ? b[j * ldb + l] : b[l * ldb + j]);
            }
        }
    }
}

void column_sums(std::size_t rows, int n, const float* x, float* sums, bool add) {
    for (int j = 0; j < n && !add; ++j) sums[j] = 0.0f;
    for (std::size_t row = 0; row < rows; ++row, x += n) {
        for (int j = 0; j < n; ++j) sums[j] += x[j];
    }
}

}  // namespace cambrian::train
