// Normalisation by channel: statistics over rows, then one pass.
#include "cambrian/train/norm.hpp"

#include <cmath>

#include "columns.hpp"
#include "lanes.hpp"
#include "periodic.hpp"

namespace cambrian::train {
namespace {

CAMBRIAN_INLINE void normalise(std::size_t n, const float* x, const float* mean, const float* factor,
                               const float* beta, float* y) {
    CAMBRIAN_SEPARATE for (std::size_t i = 0; i < n; ++i) y[i] = (x[i] - mean[i]) * factor[i] + beta[i];
}

// dx = dy · factor - (x - mean) · slope - shift
CAMBRIAN_INLINE void propagate(std::size_t n, const float* x, const float* dy, const float* mean,
                               const float* factor, const float* slope, const float* shift, float* dx,
                               bool add) {
    if (add) {
        CAMBRIAN_SEPARATE for (std::size_t i = 0; i < n; ++i) {
            dx[i] += dy[i] * factor[i] - (x[i] - mean[i]) * slope[i] - shift[i];
        }
    } else {
        CAMBRIAN_SEPARATE for (std::size_t i = 0; i < n; ++i) {
            dx[i] = dy[i] * factor[i] - (x[i] - mean[i]) * slope[i] - shift[i];
        }
    }
}

CAMBRIAN_KERNEL(void, normalise,
                (std::size_t n, const float* x, const float* mean, const float* factor, const float* beta,
                 float* y),
                (n, x, mean, factor, beta, y))
CAMBRIAN_KERNEL(void, propagate,
                (std::size_t n, const float* x, const float* dy, const float* mean, const float* factor,
                 const float* slope, const float* shift, float* dx, bool add),
                (n, x, dy, mean, factor, slope, shift, dx, add))

// Channels are worked on as many at a time as there is room for their numbers.
constexpr int kMost = ColumnSums::kMost;

// Calls visit(start, count): runs of whole periods of `width` channels, or for more channels than kMost,
// where only `width` of them are at hand, a row of those at a time.
template <typename Visit>
void runs(std::size_t rows, int channels, int column, const Periodic& like, const Visit& visit) {
    const auto stride = static_cast<std::size_t>(channels);
    if (like.width == stride) {
        const std::size_t n = rows * stride;
        for (std::size_t at = 0; at < n; at += like.period) visit(at, like.part(n - at));
        return;
    }
    for (std::size_t row = 0; row < rows; ++row) {
        visit(row * stride + static_cast<std::size_t>(column), like.width);
    }
}

// y of `count` channels from `column`, each by mean, factor and beta of its own.
void apply(std::size_t rows, int channels, int column, int count, const float* x, const float* mean,
           const float* factor, const float* beta, float* y) {
    const auto width = static_cast<std::size_t>(count);
    const std::size_t most = count == channels ? rows * width : width;
    Periodic means(width, most), factors(width, most), betas(width, most);
    const float *m = means.repeat(mean), *f = factors.repeat(factor), *b = betas.repeat(beta);
    const auto run = choose_normalise();
    runs(rows, channels, column, means,
         [&](std::size_t at, std::size_t n) { run(n, x + at, m, f, b, y + at); });
}

template <typename Visit>
void strips(int channels, const Visit& visit) {
    for (int column = 0; column < channels; column += kMost) {
        visit(column, std::min(kMost, channels - column));
    }
}

}  // namespace

void batch_norm_forward(std::size_t rows, int channels, const float* x, const float* gamma, const float* beta,
                        float eps, float momentum, float* running_mean, float* running_var, float* saved_mean,
                        float* saved_rstd, float* y) {
    const auto n = static_cast<double>(rows);
    strips(channels, [&](int column, int count) {
        float factor[kMost];
        ColumnSums sums;
        sums.add_up(rows, channels, column, count, x, nullptr, x);  // about the first row, lest digits cancel
        for (int j = 0; j < count; ++j) {
            const int c = column + j;
            const double apart = sums.first[j] / n, mean = static_cast<double>(x[c]) + apart;
            const double spread = sums.second[j] / n - apart * apart, variance = spread < 0.0 ? 0.0 : spread;
            saved_mean[c] = static_cast<float>(mean);
            saved_rstd[c] = static_cast<float>(1.0 / std::sqrt(variance + static_cast<double>(eps)));
            factor[j] = saved_rstd[c] * gamma[c];
            const double unbiased = rows > 1 ? variance * n / (n - 1.0) : variance;
            running_mean[c] += momentum * (saved_mean[c] - running_mean[c]);
            running_var[c] += momentum * (static_cast<float>(unbiased) - running_var[c]);
        }
        apply(rows, channels, column, count, x, saved_mean + column, factor, beta + column, y);
    });
}

void batch_norm_eval(std::size_t rows, int channels, const float* x, const float* gamma, const float* beta,
                     float eps, const float* running_mean, const float* running_var, float* y) {
    strips(channels, [&](int column, int count) {
        float factor[kMost];
        for (int j = 0; j < count; ++j) {
            factor[j] = gamma[column + j] / std::sqrt(running_var[column + j] + eps);
        }
        apply(rows, channels, column, count, x, running_mean + column, factor, beta + column, y);
    });
}

void batch_norm_backward(std::size_t rows, int channels, const float* x, const float* gamma,
                         const float* saved_mean, const float* saved_rstd, const float* dy, float* dx,
                         bool add, float* dgamma, float* dbeta) {
    const auto n = static_cast<float>(rows);
    strips(channels, [&](int column, int count) {
        float factor[kMost], slope[kMost], shift[kMost];
        ColumnSums sums;
        sums.add_up(rows, channels, column, count, x, dy, saved_mean);
        for (int j = 0; j < count; ++j) {
            const int c = column + j;
            dbeta[c] = static_cast<float>(sums.first[j]);
            dgamma[c] = static_cast<float>(sums.second[j]) * saved_rstd[c];
            factor[j] = gamma[c] * saved_rstd[c];
            slope[j] = factor[j] * saved_rstd[c] * dgamma[c] / n;
            shift[j] = factor[j] * dbeta[c] / n;
        }
        if (dx == nullptr) return;
        const auto width = static_cast<std::size_t>(count);
        const std::size_t most = count == channels ? rows * width : width;
        Periodic means(width, most), factors(width, most), slopes(width, most), shifts(width, most);
        const float *m = means.repeat(saved_mean + column), *f = factors.repeat(factor);
        const float *s = slopes.repeat(slope), *t = shifts.repeat(shift);
        const auto run = choose_propagate();
        runs(rows, channels, column, means,
             [&](std::size_t at, std::size_t many) { run(many, x + at, dy + at, m, f, s, t, dx + at, add); });
    });
}

}  // namespace cambrian::train
