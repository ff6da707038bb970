// Activations, normalisations, losses and optimizers against formulas and slopes in double precision.
#include <algorithm>
#include <stdexcept>

#include "cambrian/train/kernels.hpp"
#include "kernel_checks.hpp"

using namespace cambrian::train;
using namespace cambrian::testing;

namespace {

Numbers numbers;
constexpr Activation kActivations[] = {
    Activation::kNone, Activation::kRelu,    Activation::kLeakyRelu,  Activation::kElu,
    Activation::kGelu, Activation::kSilu,    Activation::kHardswish,  Activation::kMish,
    Activation::kTanh, Activation::kSigmoid, Activation::kHardsigmoid};

double activate(Activation kind, double x) {
    switch (kind) {
        case Activation::kRelu:
            return std::max(x, 0.0);
        case Activation::kLeakyRelu:
            return x > 0 ? x : 0.01 * x;
        case Activation::kElu:
            return x > 0 ? x : std::expm1(x);
        case Activation::kGelu:
            return x * 0.5 * std::erfc(-x / std::sqrt(2.0));
        case Activation::kSilu:
            return x / (1 + std::exp(-x));
        case Activation::kHardswish:
            return x * std::clamp(x + 3, 0.0, 6.0) / 6;
        case Activation::kMish:
            return x * std::tanh(std::log1p(std::exp(x)));
        case Activation::kTanh:
            return std::tanh(x);
        case Activation::kSigmoid:
            return 1 / (1 + std::exp(-x));
        case Activation::kHardsigmoid:
            return std::clamp(x + 3, 0.0, 6.0) / 6;
        default:
            return x;
    }
}

void activations() {
    for (const Activation kind : kActivations) {
        for (const int n : {1, 3, 16, 17, 100, 20000}) {
            Floats x = numbers(size(n), n > 1000 ? 12.0f : 4.0f), dy = numbers(size(n)), y(size(n));
            Doubles exact(size(n)), slope(size(n));
            for (std::size_t i = 0; i < size(n); ++i) {
                exact[i] = activate(kind, x[i]);
                slope[i] = dy[i] * (activate(kind, x[i] + 1e-6) - activate(kind, x[i] - 1e-6)) / 2e-6;
            }
            activation_forward(kind, size(n), x.data(), y.data());
            CHECK(all_close(y, exact, 1e-6));
            Floats dx(size(n), kUnset), sum = numbers(size(n));
            Doubles sums = slope;
            for (std::size_t i = 0; i < size(n); ++i) sums[i] += sum[i];
            activation_backward(kind, size(n), x.data(), dy.data(), dx.data(), false);
            activation_backward(kind, size(n), x.data(), dy.data(), sum.data(), true);
            activation_backward(kind, size(n), x.data(), dy.data(), dy.data(), false);
            CHECK(all_close(dx, slope, 2e-6) && all_close(sum, sums, 2e-6) && dx == dy);
            activation_forward(kind, size(n), x.data(), x.data());
            CHECK(x == y);
        }
    }
}

// Far out: neither overflow nor NaN that torch would not have.
void activations_at_the_ends() {
    for (const Activation kind : kActivations) {
        for (const float x : {-1e30f, -3e4f, -100.0f, -88.0f, 88.0f, 100.0f, 3e4f, 1e30f}) {
            float y = kUnset, dx = kUnset;
            const float one = 1.0f;
            activation_forward(kind, 1, &x, &y);
            activation_backward(kind, 1, &x, &one, &dx, false);
            CHECK(close(y, activate(kind, x), 1e-6) && std::isfinite(dx) && std::fabs(dx) <= 1.001f);
        }
        float y = 0.0f;
        activation_forward(kind, 1, &kUnset, &y);
        CHECK(std::isnan(y));
    }
}

constexpr double kEps = 1e-5;

// (x - mean) / deviation · gamma + beta, where statistic(i) numbers the values that share statistics.
Doubles normalised(const Doubles& x, std::size_t channels, std::size_t groups,
                   const std::function<std::size_t(std::size_t)>& group, const Floats& gamma,
                   const Floats& beta, bool centred = true) {
    Doubles mean(groups), squares(groups), count(groups), y(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) mean[group(i)] += x[i], count[group(i)] += 1;
    for (std::size_t g = 0; g < groups; ++g) mean[g] = centred ? mean[g] / count[g] : 0.0;
    for (std::size_t i = 0; i < x.size(); ++i)
        squares[group(i)] += (x[i] - mean[group(i)]) * (x[i] - mean[group(i)]);
    for (std::size_t i = 0; i < x.size(); ++i) {
        const std::size_t g = group(i), c = i % channels;
        y[i] = (x[i] - mean[g]) / std::sqrt(squares[g] / count[g] + kEps) * gamma[c];
        y[i] += beta.empty() ? 0.0 : static_cast<double>(beta[c]);
    }
    return y;
}

struct Normed {
    Floats x, gamma, beta, dy;
    std::function<Doubles(const Doubles&, const Floats&, const Floats&)> f;

    Normed(int rows, int channels)
        : x(numbers(size(rows * channels), 2.0f)),
          gamma(numbers(size(channels))),
          beta(numbers(size(channels))),
          dy(numbers(size(rows * channels))) {
        for (std::size_t i = 0; i < x.size(); ++i) x[i] += 0.1f * static_cast<float>(i % size(channels));
    }
    // Backward: dx, added and not, dgamma, dbeta.
    void check(const std::function<void(float*, bool, float*, float*)>& backward, bool has_beta) const {
        Doubles dx = slopes([&](const Doubles& at) { return f(at, gamma, beta); }, widened(x), dy);
        const auto by_gamma = [&](const Doubles& at) {
            return f(widened(x), Floats(at.begin(), at.end()), Floats(beta.size()));
        };
        Doubles dgamma(gamma.size()), dbeta(gamma.size());
        const Doubles unit = by_gamma(Doubles(gamma.size(), 1.0));
        for (std::size_t i = 0; i < x.size(); ++i) {
            dgamma[i % gamma.size()] += dy[i] * unit[i];
            dbeta[i % gamma.size()] += dy[i];
        }
        Floats got(x.size(), kUnset), sum = numbers(x.size()), of_gamma(gamma.size(), kUnset);
        Floats of_beta(has_beta ? gamma.size() : 0, kUnset);
        backward(got.data(), false, of_gamma.data(), of_beta.data());
        CHECK(all_close(got, dx, 3e-5) && all_close(of_gamma, dgamma, 3e-5));
        CHECK(!has_beta || all_close(of_beta, dbeta, 2e-5));
        for (std::size_t i = 0; i < x.size(); ++i) dx[i] += sum[i];
        backward(sum.data(), true, of_gamma.data(), of_beta.data());
        CHECK(all_close(sum, dx, 3e-5));
    }
};

void batch_norms() {
    for (const int channels : {1, 3, 4, 8, 10, 16, 24, 33, 64, 130}) {
        const int rows = 6 + numbers.below(4) * 9;
        Normed n(rows, channels);
        n.f = [&](const Doubles& x, const Floats& gamma, const Floats& beta) {
            return normalised(
                x, size(channels), size(channels), [&](std::size_t i) { return i % size(channels); }, gamma,
                beta);
        };
        Floats mean(size(channels)), rstd = mean, y(n.x.size(), kUnset), running = numbers(size(channels));
        Floats running_mean = running, running_var(size(channels), 2.0f), once = n.x;
        batch_norm_forward(size(rows), channels, n.x.data(), n.gamma.data(), n.beta.data(), kEps, 0.1f,
                           running_mean.data(), running_var.data(), mean.data(), rstd.data(), y.data());
        CHECK(all_close(y, n.f(widened(n.x), n.gamma, n.beta), 2e-5));
        for (std::size_t c = 0; c < size(channels); ++c) {
            double sum = 0.0, squares = 0.0;
            for (std::size_t i = c; i < n.x.size(); i += size(channels)) sum += n.x[i];
            for (std::size_t i = c; i < n.x.size(); i += size(channels))
                squares += std::pow(n.x[i] - sum / rows, 2);
            CHECK(close(running_mean[c], 0.9 * running[c] + 0.1 * sum / rows, 1e-6));
            CHECK(close(running_var[c], 0.9 * 2.0 + 0.1 * squares / (rows - 1), 1e-5));
        }
        n.check(
            [&](float* dx, bool add, float* dgamma, float* dbeta) {
                batch_norm_backward(size(rows), channels, n.x.data(), n.gamma.data(), mean.data(),
                                    rstd.data(), n.dy.data(), dx, add, dgamma, dbeta);
            },
            true);
        batch_norm_eval(size(rows), channels, n.x.data(), n.gamma.data(), n.beta.data(), kEps, running.data(),
                        running_var.data(), once.data());
        for (std::size_t i = 0; i < y.size(); ++i) {
            const std::size_t c = i % size(channels);
            const double wide = std::sqrt(running_var[c] + kEps);
            CHECK(close(once[i], (n.x[i] - running[c]) / wide * n.gamma[c] + n.beta[c], 1e-5));
        }
    }
}

void layer_norms() {
    for (const int channels : {1, 3, 8, 10, 16, 33, 64}) {
        for (const int rows : {1, 2, 9}) {
            if (rows * channels == 1) continue;
            const int samples = 1 + numbers.below(3);
            Normed n(samples * rows, channels);
            const std::size_t each = size(rows * channels);
            n.f = [&](const Doubles& x, const Floats& gamma, const Floats& beta) {
                return normalised(
                    x, size(channels), size(samples), [&](std::size_t i) { return i / each; }, gamma, beta);
            };
            Floats mean(size(samples)), rstd = mean, y(n.x.size(), kUnset);
            layer_norm_forward(size(samples), size(rows), channels, n.x.data(), n.gamma.data(), n.beta.data(),
                               kEps, mean.data(), rstd.data(), y.data());
            CHECK(all_close(y, n.f(widened(n.x), n.gamma, n.beta), 2e-5));
            n.check(
                [&](float* dx, bool add, float* dgamma, float* dbeta) {
                    layer_norm_backward(size(samples), size(rows), channels, n.x.data(), n.gamma.data(),
                                        mean.data(), rstd.data(), n.dy.data(), dx, add, dgamma, dbeta);
                },
                true);
        }
    }
}

void rms_norms() {
    for (const int channels : {1, 3, 8, 10, 16, 33, 64, 100}) {
        const int rows = 1 + numbers.below(9);
        Normed n(rows, channels);
        n.f = [&](const Doubles& x, const Floats& gamma, const Floats&) {
            return normalised(
                x, size(channels), size(rows), [&](std::size_t i) { return i / size(channels); }, gamma, {},
                false);
        };
        Floats rstd(size(rows)), y(n.x.size(), kUnset);
        rms_norm_forward(size(rows), channels, n.x.data(), n.gamma.data(), kEps, rstd.data(), y.data());
        CHECK(all_close(y, n.f(widened(n.x), n.gamma, {}), 2e-5));
        n.check(
            [&](float* dx, bool add, float* dgamma, float*) {
                rms_norm_backward(size(rows), channels, n.x.data(), n.gamma.data(), rstd.data(), n.dy.data(),
                                  dx, add, dgamma);
            },
            false);
    }
}

}  // namespace

int main() {
    activations();
    activations_at_the_ends();
    batch_norms();
    layer_norms();
    rms_norms();
    return failures();
}
