#include "cambrian/train/optimize.hpp"

#include <cmath>

namespace cambrian::train {

double sum_of_squares(std::size_t n, const float* x) {
    double sum = 0.0;
    for (std::size_t i = 0; i < n; ++i) sum += static_cast<double>(x[i]) * x[i];
    return sum;
}

void adamw(std::size_t n, float* p, const float* g, float scale, float* m, float* v, float lr, float decay,
           std::int64_t step) {
    constexpr float kBeta1 = 0.9f, kBeta2 = 0.999f, kEps = 1e-8f;
    const auto steps = static_cast<double>(step);
    const float size = static_cast<float>(lr / (1.0 - std::pow(0.9, steps)));
    const float root = static_cast<float>(std::sqrt(1.0 - std::pow(0.999, steps)));
    for (std::size_t i = 0; i < n; ++i) {
        const float gradient = g[i] * scale;
        m[i] += (1.0f - kBeta1) * (gradient - m[i]);
        v[i] = kBeta2 * v[i] + (1.0f - kBeta2) * gradient * gradient;
        p[i] = p[i] * (1.0f - lr * decay) - size * m[i] / (std::sqrt(v[i]) / root + kEps);
    }
}

void sgd(std::size_t n, float* p, const float* g, float scale, float* buffer, float lr, float decay,
         float momentum) {
    for (std::size_t i = 0; i < n; ++i) {
        float gradient = g[i] * scale + decay * p[i];
        if (momentum != 0.0f) {
            buffer[i] = momentum * buffer[i] + gradient;
            gradient += momentum * buffer[i];
        }
        p[i] -= lr * gradient;
    }
}

}  // namespace cambrian::train
