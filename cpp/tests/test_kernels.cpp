// Products of matrices and convolutions against direct sums in double precision.
#include "cambrian/train/kernels.hpp"
#include "kernel_checks.hpp"

using namespace cambrian::train;
using namespace cambrian::testing;

namespace {

Numbers numbers;

void check_gemm(bool transpose_a, bool transpose_b, int m, int n, int k, int wider) {
    const int lda = (transpose_a ? m : k) + wider, ldb = (transpose_b ? k : n) + wider, ldc = n + wider;
    const Floats a = numbers(size(lda * (transpose_a ? k : m))), bias = numbers(size(n));
    const Floats b = numbers(size(ldb * (transpose_b ? n : k))), before = numbers(size(ldc * m));
    for (const int mode : {0, 1, 2}) {  // overwrite, with bias, accumulate
        Shifted c(before), left(a), right(b);
        gemm(transpose_a, transpose_b, m, n, k, left.data(), lda, right.data(), ldb, c.data(), ldc, mode == 2,
             mode == 1 ? bias.data() : nullptr);
        bool good = true;
        for (int i = 0; i < m; ++i) {
            for (int j = 0; j < ldc; ++j) {
                const std::size_t at = size(i * ldc + j);
                double sum = mode == 1 && j < n ? bias[size(j)] : mode == 2 || j >= n ? before[at] : 0.0;
                for (int l = 0; l < k && j < n; ++l) {
                    sum += static_cast<double>(a[size(transpose_a ? l * lda + i : i * lda + l)]) *
                           b[size(transpose_b ? j * ldb + l : l * ldb + j)];
                }
                good &= close(c.data()[at], sum, 2e-6 * std::sqrt(k + 1.0));
            }
        }
        CHECK(good);
        if (!good) std::fprintf(stderr, "gemm %d %d: %d %d %d\n", transpose_a, transpose_b, m, n, k);
    }
}

void products() {
    for (const bool transpose_a : {false, true}) {
        for (const bool transpose_b : {false, true}) {
            for (const int n : {1, 2, 4, 5, 8, 10, 16, 17, 24, 31, 33, 48, 65, 100}) {
                check_gemm(transpose_a, transpose_b, 1 + numbers.below(40), n, 1 + numbers.below(60),
                           numbers.below(3));
                check_gemm(transpose_a, transpose_b, 1 + numbers.below(9), n, 1 + numbers.below(9), 0);
            }
            check_gemm(transpose_a, transpose_b, 3, 300, 600, 1);
            check_gemm(transpose_a, transpose_b, 300, 20, 513, 0);
            check_gemm(transpose_a, transpose_b, 5, 7, 0, 0);
            check_gemm(transpose_a, transpose_b, 0, 7, 3, 0);
            check_gemm(transpose_a, transpose_b, 4, 0, 3, 0);
        }
    }
}

void sums_of_columns() {
    for (const int n : {1, 3, 4, 8, 10, 16, 23, 32, 64, 100, 257}) {
        for (const int rows : {0, 1, 5, 64, 1000}) {
            const Floats x = numbers(size(n * rows));
            for (const bool add : {false, true}) {
                Floats sums = numbers(size(n));
                Doubles exact = add ? widened(sums) : Doubles(size(n));
                for (std::size_t i = 0; i < x.size(); ++i) exact[i % size(n)] += x[i];
                column_sums(size(rows), n, x.data(), sums.data(), add);
                CHECK(all_close(sums, exact, 3e-5));
            }
        }
    }
}

struct Direct {
    Doubles y, dx, dweight, dbias;
};

// Sums over images, pixels of y, channels and taps, as the definition has them.
Direct directly(const Conv& c, const Floats& x, const Floats& weight, const Floats& bias, const Floats& dy) {
    Direct out{Doubles(dy.size()), Doubles(x.size()), Doubles(weight.size()), Doubles(size(c.out))};
    const int each_in = c.in / c.groups, each_out = c.out / c.groups;
    std::size_t at = 0;
    for (int n = 0; n < c.n; ++n)
        for (int i = 0; i < c.out_h(); ++i)
            for (int j = 0; j < c.out_w(); ++j)
                for (int o = 0; o < c.out; ++o, ++at) {
                    out.y[at] = bias.empty() ? 0.0 : bias[size(o)];
                    out.dbias[size(o)] += dy[at];
                    for (int u = 0; u < c.kernel_h; ++u)
                        for (int v = 0; v < c.kernel_w; ++v)
                            for (int k = 0; k < each_in; ++k) {
                                const int row = i * c.stride_h + (u - c.kernel_h / 2) * c.dilation;
                                const int column = j * c.stride_w + (v - c.kernel_w / 2) * c.dilation;
                                if (row < 0 || row >= c.h || column < 0 || column >= c.w) continue;
                                const std::size_t from = size(((n * c.h + row) * c.w + column) * c.in +
                                                              o / each_out * each_in + k);
                                const std::size_t w = size(((u * c.kernel_w + v) * each_in + k) * c.out + o);
                                out.y[at] += static_cast<double>(x[from]) * weight[w];
                                out.dx[from] += static_cast<double>(dy[at]) * weight[w];
                                out.dweight[w] += static_cast<double>(dy[at]) * x[from];
                            }
                }
    return out;
}

void check_convolution(const Conv& c, bool with_bias) {
    const Floats x = numbers(size(c.n * c.h * c.w * c.in)), bias = numbers(with_bias ? size(c.out) : 0);
    const Floats weight = numbers(size(c.kernel_h * c.kernel_w * c.in / c.groups * c.out));
    const Floats dy = numbers(size(c.n * c.out_h() * c.out_w() * c.out)), before = numbers(x.size());
    Direct exact = directly(c, x, weight, bias, dy);
    Floats work(conv_workspace(c), kUnset), y(dy.size(), kUnset), dx = before, dbias(size(c.out), kUnset);
    Floats dweight(weight.size(), kUnset), plain_dx(x.size(), kUnset), again(weight.size(), kUnset);
    Shifted shifted(x);
    conv_forward(c, shifted.data(), weight.data(), with_bias ? bias.data() : nullptr, y.data(), work.data());
    conv_backward(c, x.data(), weight.data(), dy.data(), plain_dx.data(), false, again.data(),
                  with_bias ? dbias.data() : nullptr, work.data());
    conv_backward(c, shifted.data(), weight.data(), dy.data(), dx.data(), true, dweight.data(), nullptr,
                  work.data());
    bool good = all_close(y, exact.y, 2e-5) && all_close(plain_dx, exact.dx, 2e-5);
    good = good && all_close(dweight, exact.dweight, 5e-5) && dweight == again;
    good = good && (!with_bias || all_close(dbias, exact.dbias, 2e-5));
    for (std::size_t i = 0; i < x.size(); ++i) exact.dx[i] += before[i];
    good = good && all_close(dx, exact.dx, 2e-5);
    conv_backward(c, x.data(), weight.data(), dy.data(), nullptr, false, again.data(), nullptr, work.data());
    good = good && dweight == again;
    CHECK(good);
    if (!good) {
        std::fprintf(
            stderr, "conv n %d, %d x %d, %d to %d, kernel %d x %d, stride %d %d, dilation %d, groups %d\n",
            c.n, c.h, c.w, c.in, c.out, c.kernel_h, c.kernel_w, c.stride_h, c.stride_w, c.dilation, c.groups);
    }
}

void convolutions() {
    for (const int kernel : {1, 3, 5, 7}) {
        for (const int stride : {1, 2, 3}) {
            for (int turn = 0; turn < 12; ++turn) {
                const int groups = turn < 6 ? 1 : 1 + numbers.below(4);
                const int in = groups * (1 + numbers.below(turn < 3 ? 4 : 20)), h = 1 + numbers.below(11);
                const int out = groups * (1 + numbers.below(turn < 3 ? 40 : 20)), w = 1 + numbers.below(11);
                check_convolution({1 + numbers.below(4), h, w, in, out, kernel, kernel, stride, stride,
                                   1 + numbers.below(kernel > 1 ? 3 : 1), groups},
                                  turn % 2 == 0);
            }
            for (const int c : {1, 3, 8, 16, 24, 33, 70}) {  // depthwise, with one or more outputs a channel
                const int h = 2 + numbers.below(8), w = 2 + numbers.below(12), many = c < 20 ? 1 + c % 3 : 1;
                check_convolution({3, h, w, c, c, kernel, kernel, stride, stride, 1 + c % 2, c}, c % 2 == 0);
                check_convolution({2, h, w, c, c * many, kernel, kernel, stride, stride, 1, c}, c % 2 == 1);
            }
            check_convolution({3, 1, 19, 6, 9, 1, kernel, 1, stride, 2, 1 + 2 * (stride % 2)},
                              true);  // tokens
        }
    }
    check_convolution({3, 9, 8, 5, 6, 3, 5, 2, 1, 1, 1}, true);
    check_convolution({33, 8, 8, 16, 32, 3, 3, 1, 1, 1, 1}, true);
    check_convolution({5, 16, 16, 40, 72, 3, 3, 2, 2, 1, 1}, false);
}

}  // namespace

int main() {
    products();
    sums_of_columns();
    convolutions();
    return failures();
}
