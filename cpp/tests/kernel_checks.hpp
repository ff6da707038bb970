// What the tests of training kernels share: numbers, slopes by differences, and comparisons.
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

#include "cambrian/rng.hpp"
#include "check.hpp"

namespace cambrian::testing {

using Floats = std::vector<float>;
using Doubles = std::vector<double>;

inline constexpr float kUnset = std::numeric_limits<float>::quiet_NaN();

// Numbers in [-1, 1) · reach, other ones at each call.
class Numbers {
  public:
    Floats operator()(std::size_t n, float reach = 1.0f) {
        Floats values(n);
        for (float& value : values) {
            value = reach * (static_cast<float>(stream_.word()) * 0x1p-31f - 1.0f);
        }
        return values;
    }
    int below(int bound) { return static_cast<int>(stream_.word() % static_cast<std::uint32_t>(bound)); }

  private:
    Stream stream_{Source(5, 0, 0), kSample, 0};
};

inline std::size_t size(int n) {
    return static_cast<std::size_t>(n);
}

// A copy that begins at an address that no vector is aligned to, and ends where the memory ends.
class Shifted {
  public:
    explicit Shifted(const Floats& values) : values_(values.size() + 1) {
        for (std::size_t i = 0; i < values.size(); ++i) values_[i + 1] = values[i];
    }
    float* data() { return values_.data() + 1; }

  private:
    Floats values_;
};

inline bool close(double value, double exact, double tolerance) {
    return std::fabs(value - exact) <= tolerance * (1.0 + std::fabs(exact));
}

inline bool all_close(const Floats& values, const Doubles& exact, double tolerance) {
    for (std::size_t i = 0; i < exact.size(); ++i) {
        if (!close(values[i], exact[i], tolerance)) {
            std::fprintf(stderr, "[%zu of %zu]: %.9g, expected %.9g\n", i, exact.size(),
                         static_cast<double>(values[i]), exact[i]);
            return false;
        }
    }
    return values.size() == exact.size();
}

inline Doubles widened(const Floats& values) {
    return {values.begin(), values.end()};
}

// The gradient by x of the sum of dy · f(x), by central differences.
inline Doubles slopes(const std::function<Doubles(const Doubles&)>& f, const Doubles& x, const Floats& dy) {
    const auto weighted = [&](const Doubles& at) {
        const Doubles y = f(at);
        double sum = 0.0;
        for (std::size_t i = 0; i < y.size(); ++i) sum += y[i] * static_cast<double>(dy[i]);
        return sum;
    };
    Doubles gradient(x.size()), at = x;
    for (std::size_t i = 0; i < x.size(); ++i) {
        constexpr double kStep = 1e-5;
        at[i] = x[i] + kStep;
        const double above = weighted(at);
        at[i] = x[i] - kStep;
        gradient[i] = (above - weighted(at)) / (2 * kStep);
        at[i] = x[i];
    }
    return gradient;
}

}  // namespace cambrian::testing
