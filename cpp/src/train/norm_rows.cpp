// Normalisation by sample: statistics over what is contiguous in memory. gamma and beta are repeated to a
// period.
#include <cmath>

#include "cambrian/train/norm.hpp"
#include "lanes.hpp"
#include "periodic.hpp"

namespace cambrian::train {
namespace {

// Sizes of samples, and of the period of gamma and beta within them.
struct Layout {
    std::size_t samples, each, period;

    CAMBRIAN_INLINE std::size_t part(std::size_t at) const { return each - at < period ? each - at : period; }
};

CAMBRIAN_INLINE float sum(std::size_t n, const float* x) {
    float total = 0.0f;
    CAMBRIAN_SUM(total)
    for (std::size_t i = 0; i < n; ++i) total += x[i];
    return total;
}

CAMBRIAN_INLINE float squares_about(std::size_t n, const float* x, float mean) {
    float total = 0.0f;
    CAMBRIAN_SUM(total)
    for (std::size_t i = 0; i < n; ++i) total += (x[i] - mean) * (x[i] - mean);
    return total;
}

// With saved_mean null the mean counts as 0.
CAMBRIAN_INLINE void forward(Layout of, const float* x, const float* gamma, const float* beta, float eps,
                             float* saved_mean, float* saved_rstd, float* y) {
    const float part = 1.0f / static_cast<float>(of.each);
    for (std::size_t sample = 0; sample < of.samples; ++sample, x += of.each, y += of.each) {
        const float mean = saved_mean != nullptr ? sum(of.each, x) * part : 0.0f;
        const float rstd = 1.0f / std::sqrt(squares_about(of.each, x, mean) * part + eps);
        if (saved_mean != nullptr) saved_mean[sample] = mean;
        saved_rstd[sample] = rstd;
        for (std::size_t at = 0; at < of.each; at += of.period) {
            const float* from = x + at;
            float* to = y + at;
            if (beta != nullptr) {
                CAMBRIAN_SEPARATE for (std::size_t j = 0; j < of.part(at); ++j) {
                    to[j] = (from[j] - mean) * rstd * gamma[j] + beta[j];
                }
            } else {
                CAMBRIAN_SEPARATE for (std::size_t j = 0; j < of.part(at); ++j) {
                    to[j] = from[j] * rstd * gamma[j];
                }
            }
        }
    }
}

// The gradients of one sample: adds to those of gamma and beta, and gives the sums of dy · gamma and of
// dy · gamma · (x - mean).
struct Sums {
    float plain, product;
};
CAMBRIAN_INLINE Sums add_gradients(Layout of, const float* x, const float* gamma, float mean, float rstd,
                                   const float* dy, float* dgamma, float* dbeta) {
    float plain = 0.0f, product = 0.0f;
    for (std::size_t at = 0; at < of.each; at += of.period) {
        CAMBRIAN_SUM(plain, product)
        for (std::size_t j = 0; j < of.part(at); ++j) {
            const float apart = x[at + j] - mean, gradient = dy[at + j], scaled = gradient * gamma[j];
            plain += scaled;
            product += scaled * apart;
            dgamma[j] += gradient * apart * rstd;
        }
        if (dbeta == nullptr) continue;
        CAMBRIAN_SEPARATE for (std::size_t j = 0; j < of.part(at); ++j) dbeta[j] += dy[at + j];
    }
    return {plain, product};
}

CAMBRIAN_INLINE void backward(Layout of, const float* x, const float* gamma, const float* saved_mean,
                              const float* saved_rstd, const float* dy, float* dx, float keep, float* dgamma,
                              float* dbeta) {
    const float part = 1.0f / static_cast<float>(of.each);
    for (std::size_t sample = 0; sample < of.samples; ++sample, x += of.each, dy += of.each) {
        const float mean = saved_mean != nullptr ? saved_mean[sample] : 0.0f, rstd = saved_rstd[sample];
        const Sums sums = add_gradients(of, x, gamma, mean, rstd, dy, dgamma, dbeta);
        if (dx == nullptr) continue;
        const float shift = saved_mean != nullptr ? sums.plain * part * rstd : 0.0f;
        const float slope = sums.product * part * rstd * rstd * rstd;
        for (std::size_t at = 0; at < of.each; at += of.period) {
            const float *from = x + at, *gradient = dy + at;
            float* to = dx + at;
            if (keep != 0.0f) {
                CAMBRIAN_SEPARATE for (std::size_t j = 0; j < of.part(at); ++j) {
                    to[j] += gradient[j] * gamma[j] * rstd - (from[j] - mean) * slope - shift;
                }
            } else {
                CAMBRIAN_SEPARATE for (std::size_t j = 0; j < of.part(at); ++j) {
                    to[j] = gradient[j] * gamma[j] * rstd - (from[j] - mean) * slope - shift;
                }
            }
        }
        dx += of.each;
    }
}

CAMBRIAN_KERNEL(void, forward,
                (Layout of, const float* x, const float* gamma, const float* beta, float eps,
                 float* saved_mean, float* saved_rstd, float* y),
                (of, x, gamma, beta, eps, saved_mean, saved_rstd, y))
CAMBRIAN_KERNEL(void, backward,
                (Layout of, const float* x, const float* gamma, const float* saved_mean,
                 const float* saved_rstd, const float* dy, float* dx, float keep, float* dgamma,
                 float* dbeta),
                (of, x, gamma, saved_mean, saved_rstd, dy, dx, keep, dgamma, dbeta))

// to (width) = the sum of `from` (period), part by part.
void fold(const float* from, std::size_t period, std::size_t width, float* to) {
    std::fill_n(to, width, 0.0f);
    for (std::size_t i = 0; i < period; ++i) to[i % width] += from[i];
}

void backward_all(std::size_t samples, std::size_t rows, int channels, const float* x, const float* gamma,
                  const float* saved_mean, const float* saved_rstd, const float* dy, float* dx, bool add,
                  float* dgamma, float* dbeta) {
    const auto width = static_cast<std::size_t>(channels);
    Periodic gammas(width, rows * width), of_gamma = gammas, of_beta = gammas;
    const Layout of{samples, rows * width, gammas.period};
    const bool repeated = of.period > width;
    float *gamma_sums = repeated ? of_gamma.values : dgamma, *beta_sums = repeated ? of_beta.values : dbeta;
    std::fill_n(gamma_sums, of.period, 0.0f);
    if (beta_sums != nullptr) std::fill_n(beta_sums, of.period, 0.0f);
    choose_backward()(of, x, gammas.repeat(gamma), saved_mean, saved_rstd, dy, dx, add ? 1.0f : 0.0f,
                      gamma_sums, beta_sums);
    if (!repeated) return;
    fold(of_gamma.values, of.period, width, dgamma);
    if (dbeta != nullptr) fold(of_beta.values, of.period, width, dbeta);
}

}  // namespace

void layer_norm_forward(std::size_t samples, std::size_t rows, int channels, const float* x,
                        const float* gamma, const float* beta, float eps, float* saved_mean,
                        float* saved_rstd, float* y) {
    const auto width = static_cast<std::size_t>(channels);
    Periodic gammas(width, rows * width), betas(width, rows * width);
    choose_forward()({samples, rows * width, gammas.period}, x, gammas.repeat(gamma), betas.repeat(beta), eps,
                     saved_mean, saved_rstd, y);
}

void layer_norm_backward(std::size_t samples, std::size_t rows, int channels, const float* x,
                         const float* gamma, const float* saved_mean, const float* saved_rstd,
                         const float* dy, float* dx, bool add, float* dgamma, float* dbeta) {
    backward_all(samples, rows, channels, x, gamma, saved_mean, saved_rstd, dy, dx, add, dgamma, dbeta);
}

void rms_norm_forward(std::size_t rows, int channels, const float* x, const float* gamma, float eps,
                      float* saved_rstd, float* y) {
    const auto width = static_cast<std::size_t>(channels);
    choose_forward()({rows, width, width}, x, gamma, nullptr, eps, nullptr, saved_rstd, y);
}

void rms_norm_backward(std::size_t rows, int channels, const float* x, const float* gamma,
                       const float* saved_rstd, const float* dy, float* dx, bool add, float* dgamma) {
    backward_all(rows, 1, channels, x, gamma, nullptr, saved_rstd, dy, dx, add, dgamma, nullptr);
}

}  // namespace cambrian::train
