#include "cambrian/train/norm.hpp"

#include <algorithm>
#include <cmath>

namespace cambrian::train {
namespace {

// Numbers first, first + step, …: their mean and their biased variance.
void moments(std::size_t count, std::size_t step, const float* x, double& mean, double& variance) {
    mean = variance = 0.0;
    for (std::size_t i = 0; i < count; ++i) mean += x[i * step];
    mean /= static_cast<double>(count);
    for (std::size_t i = 0; i < count; ++i) variance += (x[i * step] - mean) * (x[i * step] - mean);
    variance /= static_cast<double>(count);
}

std::size_t size(int channels) {
    return static_cast<std::size_t>(channels);
}

}  // namespace

void batch_norm_forward(std::size_t rows, int channels, const float* x, const float* gamma, const float* beta,
                        float eps, float momentum, float* running_mean, float* running_var, float* saved_mean,
                        float* saved_rstd, float* y) {
    const auto count = static_cast<double>(rows);
    for (std::size_t c = 0; c < size(channels); ++c) {
        double mean = 0.0, variance = 0.0;
        moments(rows, size(channels), x + c, mean, variance);
        saved_mean[c] = static_cast<float>(mean);
        saved_rstd[c] = static_cast<float>(1.0 / std::sqrt(variance + eps));
        const double unbiased = rows > 1 ? variance * count / (count - 1.0) : variance;
        running_mean[c] += momentum * (static_cast<float>(mean) - running_mean[c]);
        running_var[c] += momentum * (static_cast<float>(unbiased) - running_var[c]);
        for (std::size_t i = c; i < rows * size(channels); i += size(channels)) {
            y[i] = (x[i] - saved_mean[c]) * saved_rstd[c] * gamma[c] + beta[c];
        }
    }
}

void batch_norm_eval(std::size_t rows, int channels, const float* x, const float* gamma, const float* beta,
                     float eps, const float* running_mean, const float* running_var, float* y) {
    for (std::size_t i = 0; i < rows * size(channels); ++i) {
        const std::size_t c = i % size(channels);
        y[i] = (x[i] - running_mean[c]) / std::sqrt(running_var[c] + eps) * gamma[c] + beta[c];
    }
}

void batch_norm_backward(std::size_t rows, int channels, const float* x, const float* gamma,
                         const float* saved_mean, const float* saved_rstd, const float* dy, float* dx,
                         bool add, float* dgamma, float* dbeta) {
    const auto count = static_cast<float>(rows);
    for (std::size_t c = 0; c < size(channels); ++c) {
        double product = 0.0, sum = 0.0;
        for (std::size_t i = c; i < rows * size(channels); i += size(channels)) {
            sum += dy[i];
            product += dy[i] * (x[i] - saved_mean[c]) * saved_rstd[c];
        }
        dgamma[c] = static_cast<float>(product);
        dbeta[c] = static_cast<float>(sum);
        for (std::size_t i = c; i < rows * size(channels) && dx != nullptr; i += size(channels)) {
            const float normal = (x[i] - saved_mean[c]) * saved_rstd[c];
            const float gradient =
                gamma[c] * saved_rstd[c] * (dy[i] - (dbeta[c] + normal * dgamma[c]) / count);
            dx[i] = (add ? dx[i] : 0.0f) + gradient;
        }
    }
}

void layer_norm_forward(std::size_t samples, std::size_t rows, int channels, const float* x,
                        const float* gamma, const float* beta, float eps, float* saved_mean,
                        float* saved_rstd, float* y) {
    const std::size_t each = rows * size(channels);
    for (std::size_t sample = 0; sample < samples; ++sample, x += each, y += each) {
        double mean = 0.0, variance = 0.0;
        moments(each, 1, x, mean, variance);
        const float rstd = static_cast<float>(1.0 / std::sqrt(variance + eps));
        for (std::size_t i = 0; i < each; ++i) {
            const std::size_t c = i % size(channels);
            y[i] = (x[i] - static_cast<float>(mean)) * rstd * gamma[c] + beta[c];
        }
        saved_mean[sample] = static_cast<float>(mean);
        saved_rstd[sample] = rstd;
    }
}

void layer_norm_backward(std::size_t samples, std::size_t rows, int channels, const float* x,
                         const float* gamma, const float* saved_mean, const float* saved_rstd,
                         const float* dy, float* dx, bool add, float* dgamma, float* dbeta) {
    const std::size_t each = rows * size(channels);
    std::fill_n(dgamma, channels, 0.0f);
    std::fill_n(dbeta, channels, 0.0f);
    for (std::size_t sample = 0; sample < samples; ++sample, x += each, dy += each) {
        const float mean = saved_mean[sample], rstd = saved_rstd[sample];
        double product = 0.0, sum = 0.0;
        for (std::size_t i = 0; i < each; ++i) {
            const std::size_t c = i % size(channels);
            const float normal = (x[i] - mean) * rstd;
            dgamma[c] += dy[i] * normal;
            dbeta[c] += dy[i];
            product += dy[i] * gamma[c] * normal;
            sum += dy[i] * gamma[c];
        }
        if (dx == nullptr) continue;
        const float slope = static_cast<float>(product / static_cast<double>(each));
        const float shift = static_cast<float>(sum / static_cast<double>(each));
        for (std::size_t i = 0; i < each; ++i) {
            const float gradient =
                rstd * (dy[i] * gamma[i % size(channels)] - shift - (x[i] - mean) * rstd * slope);
            dx[i] = (add ? dx[i] : 0.0f) + gradient;
        }
        dx += each;
    }
}

void rms_norm_forward(std::size_t rows, int channels, const float* x, const float* gamma, float eps,
                      float* saved_rstd, float* y) {
    for (std::size_t row = 0; row < rows; ++row, x += channels, y += channels) {
        double squares = 0.0;
        for (int c = 0; c < channels; ++c) squares += x[c] * x[c];
        saved_rstd[row] = static_cast<float>(1.0 / std::sqrt(squares / channels + eps));
        for (int c = 0; c < channels; ++c) y[c] = x[c] * saved_rstd[row] * gamma[c];
    }
}

void rms_norm_backward(std::size_t rows, int channels, const float* x, const float* gamma,
                       const float* saved_rstd, const float* dy, float* dx, bool add, float* dgamma) {
    std::fill_n(dgamma, channels, 0.0f);
    for (std::size_t row = 0; row < rows; ++row, x += channels, dy += channels) {
        const float rstd = saved_rstd[row];
        double product = 0.0;
        for (int c = 0; c < channels; ++c) {
            dgamma[c] += dy[c] * x[c] * rstd;
            product += dy[c] * gamma[c] * x[c];
        }
        if (dx == nullptr) continue;
        const float slope = static_cast<float>(product / channels) * rstd * rstd * rstd;
        for (int c = 0; c < channels; ++c) {
            dx[c] = (add ? dx[c] : 0.0f) + rstd * dy[c] * gamma[c] - x[c] * slope;
        }
        dx += channels;
    }
}

}  // namespace cambrian::train
