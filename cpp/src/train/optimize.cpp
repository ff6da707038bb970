#include "cambrian/train/optimize.hpp"

#include <cmath>

#include "lanes.hpp"

namespace cambrian::train {
namespace {

CAMBRIAN_INLINE double squares(std::size_t n, const float* x) {
    double sum = 0.0;
    CAMBRIAN_SUM(sum)
    for (std::size_t i = 0; i < n; ++i) sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
    return sum;
}

struct AdamW {
    float scale, keep, size, root;  // of gradient, of p, of the step, of sqrt(v)
};

CAMBRIAN_INLINE void step_adamw(std::size_t n, float* p, const float* g, float* m, float* v, AdamW with) {
    constexpr float kBeta1 = 0.9f, kBeta2 = 0.999f, kEps = 1e-8f;
    CAMBRIAN_SEPARATE for (std::size_t i = 0; i < n; ++i) {
        const float gradient = g[i] * with.scale;
        const float mean = m[i] + (1.0f - kBeta1) * (gradient - m[i]);
        const float square = kBeta2 * v[i] + (1.0f - kBeta2) * gradient * gradient;
        m[i] = mean;
        v[i] = square;
        p[i] = p[i] * with.keep - with.size * mean / (std::sqrt(square) * with.root + kEps);
    }
}

struct Descent {
    float scale, lr, decay, momentum;
};

CAMBRIAN_INLINE void step_sgd(std::size_t n, float* p, const float* g, float* buffer, Descent with) {
    CAMBRIAN_SEPARATE for (std::size_t i = 0; i < n; ++i) {
        const float gradient = g[i] * with.scale + with.decay * p[i];
        const float velocity = with.momentum * buffer[i] + gradient;
        buffer[i] = velocity;
        p[i] -= with.lr * (gradient + with.momentum * velocity);
    }
}

CAMBRIAN_INLINE void step_plain(std::size_t n, float* p, const float* g, Descent with) {
    CAMBRIAN_SEPARATE for (std::size_t i = 0; i < n; ++i) {
        p[i] -= with.lr * (g[i] * with.scale + with.decay * p[i]);
    }
}

CAMBRIAN_KERNEL(double, squares, (std::size_t n, const float* x), (n, x))
CAMBRIAN_KERNEL(void, step_adamw, (std::size_t n, float* p, const float* g, float* m, float* v, AdamW with),
                (n, p, g, m, v, with))
CAMBRIAN_KERNEL(void, step_sgd, (std::size_t n, float* p, const float* g, float* buffer, Descent with),
                (n, p, g, buffer, with))
CAMBRIAN_KERNEL(void, step_plain, (std::size_t n, float* p, const float* g, Descent with), (n, p, g, with))

}  // namespace

double sum_of_squares(std::size_t n, const float* x) {
    return choose_squares()(n, x);
}

void adamw(std::size_t n, float* p, const float* g, float scale, float* m, float* v, float lr, float decay,
           std::int64_t step) {
    const auto steps = static_cast<double>(step);
    const double size = static_cast<double>(lr) / (1.0 - std::pow(0.9, steps));
    const double root = 1.0 / std::sqrt(1.0 - std::pow(0.999, steps));
    choose_step_adamw()(n, p, g, m, v,
                        {scale, 1.0f - lr * decay, static_cast<float>(size), static_cast<float>(root)});
}

void sgd(std::size_t n, float* p, const float* g, float scale, float* buffer, float lr, float decay,
         float momentum) {
    const Descent with{scale, lr, decay, momentum};
    if (momentum != 0.0f) return choose_step_sgd()(n, p, g, buffer, with);
    choose_step_plain()(n, p, g, with);
}

}  // namespace cambrian::train
