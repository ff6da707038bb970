#include "cambrian/train/activation.hpp"

#include "cambrian/train/elementwise.hpp"
#include "exponential.hpp"
#include "lanes.hpp"

namespace cambrian::train {
namespace {

CAMBRIAN_INLINE float sigmoid(float x) {
    return 1.0f / (1.0f + exponential(-x));
}

CAMBRIAN_INLINE float magnitude(float x) {
    return x < 0.0f ? -x : x;
}

CAMBRIAN_INLINE float clamp(float x, float low, float high) {
    x = x < low ? low : x;
    return x > high ? high : x;
}

CAMBRIAN_INLINE float tangent(float x) {
    const float e = exponential(-2.0f * magnitude(x)), far = (1.0f - e) / (1.0f + e), square = x * x;
    float p = -5.70498872745e-3f * square + 2.06390887954e-2f;  // on ±0.625 (Cephes)
    p = p * square - 5.37397155531e-2f;
    p = p * square + 1.33314422036e-1f;
    p = p * square - 3.33332819422e-1f;
    const float near = p * square * x + x;
    return magnitude(x) < 0.625f ? near : x < 0.0f ? -far : far;
}

// The normal distribution at x and sqrt(2π) times its density (Abramowitz and Stegun 1964, 7.1.26).
struct Normal {
    float below, bell;
};
CAMBRIAN_INLINE Normal normal(float x) {
    const float t = 1.0f / (1.0f + 0.23164189f * magnitude(x)), bell = exponential(-0.5f * x * x);
    float p = 0.5307027145f * t - 0.7265760135f;
    p = p * t + 0.7107068705f;
    p = p * t - 0.142248368f;
    p = p * t + 0.127414796f;
    const float tail = p * t * bell;
    return {x < 0.0f ? tail : 1.0f - tail, bell};
}

// With e = exp(x): tanh(log(1 + e)) = (e² + 2e) / (e² + 2e + 2).
struct Mish {
    float e, above;
};
CAMBRIAN_INLINE Mish mish(float x) {
    const float e = exponential(x > 20.0f ? 20.0f : x);
    return {e, e * (e + 2.0f)};
}

template <Activation kind>
CAMBRIAN_INLINE float value(float x) {
    if constexpr (kind == Activation::kRelu) return x < 0.0f ? 0.0f : x;
    if constexpr (kind == Activation::kLeakyRelu) return x > 0.0f ? x : 0.01f * x;
    if constexpr (kind == Activation::kElu) return x > 0.0f ? x : exponential(x) - 1.0f;
    if constexpr (kind == Activation::kGelu) return x * normal(x).below;
    if constexpr (kind == Activation::kSilu) return x * sigmoid(x);
    if constexpr (kind == Activation::kHardswish) return x * clamp(x / 6.0f + 0.5f, 0.0f, 1.0f);
    if constexpr (kind == Activation::kMish) {
        const float above = mish(x).above;
        return x * (above / (above + 2.0f));
    }
    if constexpr (kind == Activation::kTanh) return tangent(x);
    if constexpr (kind == Activation::kSigmoid) return sigmoid(x);
    if constexpr (kind == Activation::kHardsigmoid) return clamp(x / 6.0f + 0.5f, 0.0f, 1.0f);
    return x;
}

template <Activation kind>
CAMBRIAN_INLINE float slope(float x) {
    if constexpr (kind == Activation::kRelu) return x <= 0.0f ? 0.0f : 1.0f;
    if constexpr (kind == Activation::kLeakyRelu) return x > 0.0f ? 1.0f : 0.01f;
    if constexpr (kind == Activation::kElu) return x > 0.0f ? 1.0f : exponential(x);
    if constexpr (kind == Activation::kGelu) {
        const Normal at = normal(x);
        return at.below + clamp(x, -87.0f, 87.0f) * 0.39894228f * at.bell;
    }
    if constexpr (kind == Activation::kSilu) {
        const float s = sigmoid(x);
        return s * (1.0f + clamp(x, -87.0f, 87.0f) * (1.0f - s));
    }
    if constexpr (kind == Activation::kHardswish) {
        const float inside = x / 3.0f + 0.5f;
        return x <= -3.0f ? 0.0f : x < 3.0f ? inside : 1.0f;
    }
    if constexpr (kind == Activation::kMish) {
        const auto [e, above] = mish(x);
        const float part = 1.0f / (above + 2.0f), cut = x > 20.0f ? 20.0f : x < -87.0f ? -87.0f : x;
        return above * part + cut * 4.0f * (e * part) * ((1.0f + e) * part);
    }
    if constexpr (kind == Activation::kTanh) {
        const float t = tangent(x);
        return 1.0f - t * t;
    }
    if constexpr (kind == Activation::kSigmoid) {
        const float s = sigmoid(x);
        return s * (1.0f - s);
    }
    if constexpr (kind == Activation::kHardsigmoid) return magnitude(x) < 3.0f ? 1.0f / 6.0f : 0.0f;
    return 1.0f;
}

template <Activation kind>
CAMBRIAN_INLINE void values(std::size_t n, const float* x, float* y) {
    CAMBRIAN_SEPARATE for (std::size_t i = 0; i < n; ++i) y[i] = value<kind>(x[i]);
}

template <Activation kind>
CAMBRIAN_INLINE void slopes(std::size_t n, const float* x, const float* dy, float* dx) {
    CAMBRIAN_SEPARATE for (std::size_t i = 0; i < n; ++i) dx[i] = dy[i] * slope<kind>(x[i]);
}

#define CAMBRIAN_EACH_ACTIVATION(loop, ...)                     \
    switch (kind) {                                             \
        case Activation::kNone:                                 \
            return loop<Activation::kNone>(__VA_ARGS__);        \
        case Activation::kRelu:                                 \
            return loop<Activation::kRelu>(__VA_ARGS__);        \
        case Activation::kLeakyRelu:                            \
            return loop<Activation::kLeakyRelu>(__VA_ARGS__);   \
        case Activation::kElu:                                  \
            return loop<Activation::kElu>(__VA_ARGS__);         \
        case Activation::kGelu:                                 \
            return loop<Activation::kGelu>(__VA_ARGS__);        \
        case Activation::kSilu:                                 \
            return loop<Activation::kSilu>(__VA_ARGS__);        \
        case Activation::kHardswish:                            \
            return loop<Activation::kHardswish>(__VA_ARGS__);   \
        case Activation::kMish:                                 \
            return loop<Activation::kMish>(__VA_ARGS__);        \
        case Activation::kTanh:                                 \
            return loop<Activation::kTanh>(__VA_ARGS__);        \
        case Activation::kSigmoid:                              \
            return loop<Activation::kSigmoid>(__VA_ARGS__);     \
        case Activation::kHardsigmoid:                          \
            return loop<Activation::kHardsigmoid>(__VA_ARGS__); \
    }

CAMBRIAN_INLINE void forward(Activation kind, std::size_t n, const float* x,
                             float* y){CAMBRIAN_EACH_ACTIVATION(values, n, x, y)} CAMBRIAN_INLINE
    void backward(Activation kind, std::size_t n, const float* x, const float* dy, float* dx){
        CAMBRIAN_EACH_ACTIVATION(slopes, n, x, dy, dx)} CAMBRIAN_KERNEL(void, forward,
                                                                        (Activation kind, std::size_t n,
                                                                         const float* x, float* y),
                                                                        (kind, n, x, y))
        CAMBRIAN_KERNEL(void, backward,
                        (Activation kind, std::size_t n, const float* x, const float* dy, float* dx),
                        (kind, n, x, dy, dx))

}  // namespace

void activation_forward(Activation kind, std::size_t n, const float* x, float* y) {
    choose_forward()(kind, n, x, y);
}

void activation_backward(Activation kind, std::size_t n, const float* x, const float* dy, float* dx,
                         bool add) {
    const auto run = choose_backward();
    if (!add) return run(kind, n, x, dy, dx);
    constexpr std::size_t kBlock = 1024;
    float gradient[kBlock];
    for (std::size_t first = 0; first < n; first += kBlock) {
        const std::size_t count = n - first < kBlock ? n - first : kBlock;
        run(kind, count, x + first, dy + first, gradient);
        add_to(count, gradient, dx + first);
    }
}

}  // namespace cambrian::train
