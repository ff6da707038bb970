// Normalisations of rows × channels by statistics of channels, samples or rows.
#pragma once

#include <cstddef>

namespace cambrian::train {

// x, y (rows, channels); gamma, beta and what is saved or running (channels). saved_rstd = 1 / sqrt(var +
// eps) with the biased variance; running_var follows the unbiased one (Ioffe and Szegedy 2015), each by
// `momentum` of the way. y may be x.
void batch_norm_forward(std::size_t rows, int channels, const float* x, const float* gamma, const float* beta,
                        float eps, float momentum, float* running_mean, float* running_var, float* saved_mean,
                        float* saved_rstd, float* y);
void batch_norm_eval(std::size_t rows, int channels, const float* x, const float* gamma, const float* beta,
                     float eps, const float* running_mean, const float* running_var, float* y);
// dgamma and dbeta (channels) are overwritten. dx may be dy, or null if nobody needs it.
void batch_norm_backward(std::size_t rows, int channels, const float* x, const float* gamma,
                         const float* saved_mean, const float* saved_rstd, const float* dy, float* dx,
                         bool add, float* dgamma, float* dbeta);

// x (samples, rows, channels): statistics over rows × channels of each sample, saved (samples); gamma, beta
// (channels). An image has rows = h · w; tokens and features have rows = 1 (Ba et al. 2016). y may be x.
void layer_norm_forward(std::size_t samples, std::size_t rows, int channels, const float* x,
                        const float* gamma, const float* beta, float eps, float* saved_mean,
                        float* saved_rstd, float* y);
void layer_norm_backward(std::size_t samples, std::size_t rows, int channels, const float* x,
                         const float* gamma, const float* saved_mean, const float* saved_rstd,
                         const float* dy, float* dx, bool add, float* dgamma, float* dbeta);

// x (rows, channels), saved_rstd (rows) = 1 / sqrt(mean of x² + eps) (Zhang and Sennrich 2019). y may be x.
void rms_norm_forward(std::size_t rows, int channels, const float* x, const float* gamma, float eps,
                      float* saved_rstd, float* y);
void rms_norm_backward(std::size_t rows, int channels, const float* x, const float* gamma,
                       const float* saved_rstd, const float* dy, float* dx, bool add, float* dgamma);

}  // namespace cambrian::train
