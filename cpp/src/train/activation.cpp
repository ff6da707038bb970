#include "cambrian/train/activation.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace cambrian::train {
namespace {

float sigmoid(float x) {
    return 1.0f / (1.0f + std::exp(-x));
}

float clamp(float x) {
    return std::min(std::max(x, 0.0f), 1.0f);
}

float softplus(float x) {
    return x > 20.0f ? x : std::log1p(std::exp(x));
}

// The value and the derivative.
std::pair<float, float> evaluate(Activation kind, float x) {
    switch (kind) {
        case Activation::kRelu:
            return {x < 0 ? 0 : x, x > 0 ? 1.0f : 0.0f};
        case Activation::kLeakyRelu:
            return {x > 0 ? x : 0.01f * x, x > 0 ? 1.0f : 0.01f};
        case Activation::kElu:
            return {x > 0 ? x : std::expm1(x), x > 0 ? 1.0f : std::exp(x)};
        case Activation::kGelu: {
            const float half = 0.5f * (1.0f + std::erf(x * 0.70710678f));
            return {x * half, half + x * 0.39894228f * std::exp(-0.5f * x * x)};
        }
        case Activation::kSilu: {
            const float s = sigmoid(x);
            return {x * s, s * (1.0f + x * (1.0f - s))};
        }
        case Activation::kHardswish: {
            const float slope = x <= -3.0f ? 0.0f : x < 3.0f ? x / 3.0f + 0.5f : 1.0f;
            return {x * clamp(x / 6.0f + 0.5f), slope};
        }
        case Activation::kMish: {
            const float t = std::tanh(softplus(x));
            return {x * t, t + x * (1.0f - t * t) * sigmoid(x)};
        }
        case Activation::kTanh: {
            const float t = std::tanh(x);
            return {t, 1.0f - t * t};
        }
        case Activation::kSigmoid: {
            const float s = sigmoid(x);
            return {s, s * (1.0f - s)};
        }
        case Activation::kHardsigmoid:
            return {clamp(x / 6.0f + 0.5f), x > -3.0f && x < 3.0f ? 1.0f / 6.0f : 0.0f};
        default:
            return {x, 1.0f};
    }
}

}  // namespace

void activation_forward(Activation kind, std::size_t n, const float* x, float* y) {
    for (std::size_t i = 0; i < n; ++i) y[i] = evaluate(kind, x[i]).first;
}

void activation_backward(Activation kind, std::size_t n, const float* x, const float* dy, float* dx,
                         bool add) {
    for (std::size_t i = 0; i < n; ++i) {
        dx[i] = (add ? dx[i] : 0.0f) + dy[i] * evaluate(kind, x[i]).second;
    }
}

}  // namespace cambrian::train
