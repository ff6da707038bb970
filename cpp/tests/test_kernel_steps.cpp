// Pools, losses, optimizers and element-wise sums against their definitions in double precision.
#include <algorithm>
#include <stdexcept>

#include "cambrian/train/kernels.hpp"
#include "kernel_checks.hpp"

using namespace cambrian::train;
using namespace cambrian::testing;

namespace {

Numbers numbers;

// y and dx of a pool whose output (i, j) reads rows [top(i), bottom(i)) and columns alike.
struct Windows {
    std::function<int(int, int, bool)> edge;  // output, side, whether the end
    int n, h, w, c, out_h, out_w;

    template <typename Visit>
    void each(Visit visit) const {
        for (int image = 0; image < n; ++image)
            for (int i = 0; i < out_h; ++i)
                for (int j = 0; j < out_w; ++j)
                    for (int k = 0; k < c; ++k) {
                        std::vector<std::size_t> reads;
                        for (int row = edge(i, h, false); row < edge(i, h, true); ++row)
                            for (int column = edge(j, w, false); column < edge(j, w, true); ++column)
                                reads.push_back(size(((image * h + row) * w + column) * c + k));
                        visit(size(((image * out_h + i) * out_w + j) * c + k), reads);
                    }
    }
    void check_average(const std::function<void(const float*, float*)>& forward,
                       const std::function<void(const float*, float*, bool)>& backward) const {
        const Floats x = numbers(size(n * h * w * c)), dy = numbers(size(n * out_h * out_w * c));
        Floats y(dy.size(), kUnset), dx(x.size(), kUnset), sum = numbers(x.size());
        Doubles exact_y(dy.size()), exact_dx(x.size()), exact_sum = widened(sum);
        each([&](std::size_t to, const std::vector<std::size_t>& from) {
            const double part = 1.0 / static_cast<double>(from.size());
            for (const std::size_t at : from) exact_y[to] += part * x[at], exact_dx[at] += part * dy[to];
        });
        for (std::size_t i = 0; i < x.size(); ++i) exact_sum[i] += exact_dx[i];
        forward(x.data(), y.data());
        backward(dy.data(), dx.data(), false);
        backward(dy.data(), sum.data(), true);
        CHECK(all_close(y, exact_y, 1e-5) && all_close(dx, exact_dx, 1e-5) &&
              all_close(sum, exact_sum, 1e-5));
    }
    void check_greatest(const Pool& pool) const {
        Floats x = numbers(size(n * h * w * c));
        const Floats dy = numbers(size(n * out_h * out_w * c));
        for (float& value : x) value = std::round(value * 4);  // equals
        if (x.size() > 20) x[17] = kUnset;
        Floats y(dy.size()), alone(dy.size()), dx(x.size(), kUnset), sum = numbers(x.size());
        Doubles exact(x.size()), exact_sum = widened(sum);
        std::vector<std::int32_t> where(dy.size());
        max_pool_forward(pool, x.data(), y.data(), where.data());
        max_pool_forward(pool, x.data(), alone.data(), nullptr);
        each([&](std::size_t to, const std::vector<std::size_t>& from) {
            std::size_t best = from[0];
            for (const std::size_t at : from) {
                if (x[at] > x[best] || (std::isnan(x[at]) && !std::isnan(x[best]))) best = at;
            }
            exact[best] += dy[to];
            CHECK(y[to] == x[best] || (std::isnan(y[to]) && std::isnan(x[best])));
            CHECK(alone[to] == y[to] || std::isnan(y[to]));
        });
        for (std::size_t i = 0; i < x.size(); ++i) exact_sum[i] += exact[i];
        max_pool_backward(pool, where.data(), dy.data(), dx.data(), false);
        max_pool_backward(pool, where.data(), dy.data(), sum.data(), true);
        CHECK(all_close(dx, exact, 1e-5) && all_close(sum, exact_sum, 1e-5));
    }
};

void pools() {
    for (const int kernel : {1, 2, 3, 4, 5}) {
        for (const int stride : {1, 2, 3, 4}) {
            if (kernel % 2 == 0 && kernel != stride) continue;
            for (const int c : {1, 3, 8, 16, 21, 40}) {
                const Pool pool{2, 1 + numbers.below(9), 1 + numbers.below(9), c, kernel, stride};
                const auto edge = [&](int i, int side, bool end) {
                    const int begin = i * stride - (kernel % 2) * (kernel / 2);
                    return end ? std::min(begin + kernel, side) : std::max(begin, 0);
                };
                const Windows windows{edge, 2, pool.h, pool.w, c, pool.out_h(), pool.out_w()};
                windows.check_greatest(pool);
                windows.check_average(
                    [&](const float* x, float* y) { avg_pool_forward(pool, x, y); },
                    [&](const float* dy, float* dx, bool add) { avg_pool_backward(pool, dy, dx, add); });
            }
        }
    }
}

void adaptive_pools() {
    for (int turn = 0; turn < 20; ++turn) {
        const int h = 1 + numbers.below(9), w = 1 + numbers.below(9), c = 1 + numbers.below(20);
        const int out_h = 1 + numbers.below(9), out_w = 1 + numbers.below(9);
        const auto edge = [&](int i, int side, bool end) {
            const int out = side == h ? out_h : out_w;
            return static_cast<int>(end ? std::ceil((i + 1.0) * side / out)
                                        : std::floor(1.0 * i * side / out));
        };
        if (h == w && out_h != out_w) continue;  // `edge` tells the two sides apart by their length
        const Windows windows{edge, 3, h, w, c, out_h, out_w};
        windows.check_average(
            [&](const float* x, float* y) { adaptive_avg_pool_forward(3, h, w, c, out_h, out_w, x, y); },
            [&](const float* dy, float* dx, bool add) {
                adaptive_avg_pool_backward(3, h, w, c, out_h, out_w, dy, dx, add);
            });
        const Windows whole{[](int, int side, bool end) { return end ? side : 0; }, 3, h, w, c, 1, 1};
        whole.check_average([&](const float* x, float* y) { mean_rows_forward(3, size(h * w), c, x, y); },
                            [&](const float* dy, float* dx, bool add) {
                                mean_rows_backward(3, size(h * w), c, dy, dx, add);
                            });
    }
}

void losses() {
    for (const int classes : {1, 2, 10, 16, 37, 100}) {
        for (const float smoothing : {0.0f, 0.1f}) {
            const int rows = 1 + numbers.below(20);
            const Floats x = numbers(size(rows * classes), 8.0f);
            std::vector<std::int64_t> y(size(rows));
            for (auto& value : y) value = numbers.below(classes);
            const auto loss = [&](const Doubles& at) {
                double total = 0.0;
                for (std::size_t row = 0; row < size(rows); ++row) {
                    const double* first = at.data() + row * size(classes);
                    double sum = 0.0, mean = 0.0;
                    for (int k = 0; k < classes; ++k) sum += std::exp(first[k]), mean += first[k] / classes;
                    total += std::log(sum) - (1 - smoothing) * first[y[row]] - smoothing * mean;
                }
                return Doubles{total / rows};
            };
            Floats dx(x.size(), kUnset);
            CHECK(close(cross_entropy(size(rows), classes, x.data(), y.data(), smoothing, dx.data()),
                        loss(widened(x))[0], 1e-5));
            CHECK(all_close(dx, slopes(loss, widened(x), {1.0f}), 1e-5));
            y.back() = classes;
            CHECK_THROWS(cross_entropy(size(rows), classes, x.data(), y.data(), smoothing, nullptr),
                         std::invalid_argument);
            y.back() = -1;
            CHECK_THROWS(cross_entropy(size(rows), classes, x.data(), y.data(), smoothing, nullptr),
                         std::invalid_argument);
        }
    }
}

void losses_at_the_ends() {
    const float far[] = {1e30f, -1e30f, 3.0f};
    const std::int64_t label = 2;
    const std::int64_t zero = 0;
    float dx[3];
    CHECK(close(cross_entropy(1, 3, far, &label, 0.0f, dx), 1e30, 1e-6) && dx[0] == 1.0f && dx[2] == -1.0f);
    CHECK(std::isnan(cross_entropy(1, 1, &kUnset, &zero, 0.0f, nullptr)));
}

void squared_errors() {
    for (const int n : {1, 7, 33, 200}) {
        const Floats x = numbers(size(n), 3.0f), y = numbers(size(n));
        const auto squared = [&](const Doubles& at) {
            double total = 0.0;
            for (std::size_t i = 0; i < at.size(); ++i) total += std::pow(at[i] - y[i], 2);
            return Doubles{total / n};
        };
        Floats dx(size(n), kUnset);
        CHECK(
            close(mean_squared_error(size(n), x.data(), y.data(), dx.data()), squared(widened(x))[0], 1e-5));
        CHECK(all_close(dx, slopes(squared, widened(x), {1.0f}), 1e-5));
    }
}

void optimizers() {
    for (const int n : {1, 7, 16, 33, 1000}) {
        Floats p = numbers(size(n)), m(size(n)), v(size(n)), q = p, buffer(size(n)), plain = p;
        Doubles exact_p = widened(p), exact_m(size(n)), exact_v(size(n)), exact_q = exact_p, exact_b(size(n)),
                exact_plain = exact_p;
        for (int step = 1; step <= 4; ++step) {
            const Floats g = numbers(size(n));
            const double lr = 0.01 * step, decay = 0.1, scale = 0.5,
                         root = std::sqrt(1 - std::pow(0.999, step));
            double squares = 0.0;
            for (std::size_t i = 0; i < size(n); ++i) {
                const double gradient = scale * g[i], decayed = gradient + decay * exact_q[i];
                squares += static_cast<double>(g[i]) * g[i];
                exact_p[i] -= lr * decay * exact_p[i];
                exact_m[i] = 0.9 * exact_m[i] + 0.1 * gradient;
                exact_v[i] = 0.999 * exact_v[i] + 0.001 * gradient * gradient;
                exact_p[i] -=
                    lr / (1 - std::pow(0.9, step)) * exact_m[i] / (std::sqrt(exact_v[i]) / root + 1e-8);
                exact_b[i] = 0.9 * exact_b[i] + decayed;
                exact_q[i] -= lr * (decayed + 0.9 * exact_b[i]);
                exact_plain[i] -= lr * (gradient + decay * exact_plain[i]);
            }
            CHECK(close(sum_of_squares(size(n), g.data()), squares, 1e-6));
            adamw(size(n), p.data(), g.data(), 0.5f, m.data(), v.data(), static_cast<float>(lr), 0.1f, step);
            sgd(size(n), q.data(), g.data(), 0.5f, buffer.data(), static_cast<float>(lr), 0.1f, 0.9f);
            sgd(size(n), plain.data(), g.data(), 0.5f, nullptr, static_cast<float>(lr), 0.1f, 0.0f);
        }
        CHECK(all_close(p, exact_p, 2e-6) && all_close(q, exact_q, 2e-6) &&
              all_close(plain, exact_plain, 2e-6));
        CHECK(all_close(m, exact_m, 1e-6) && all_close(v, exact_v, 1e-6) && all_close(buffer, exact_b, 1e-6));
    }
}

void sums_and_products() {
    for (const int c : {1, 3, 8, 16, 21, 64}) {
        const std::size_t n = 3, rows = 5, width = size(c), many = n * rows * width;
        const Floats a = numbers(many), b = numbers(n * width), dy = numbers(many), before = numbers(many);
        for (const bool more : {false, true}) {
            const double kept = more ? 1.0 : 0.0;
            Doubles product, scaled, by_rows, db(n * width);
            for (std::size_t i = 0; i < db.size(); ++i) db[i] = kept * before[i];
            for (std::size_t i = 0; i < many; ++i) {
                const std::size_t of = i / (rows * width) * width + i % width;
                product.push_back(kept * before[i] + static_cast<double>(a[i]) * dy[i]);
                scaled.push_back(kept * before[i] + 0.3 * a[i]);
                by_rows.push_back(kept * before[i] + static_cast<double>(a[i]) * b[of]);
                db[of] += static_cast<double>(a[i]) * dy[i];
            }
            Floats y = before, z = before, r = before,
                   columns(before.begin(), before.begin() + static_cast<std::ptrdiff_t>(n * width));
            multiply(many, a.data(), dy.data(), y.data(), more);
            scale(many, 0.3f, a.data(), z.data(), more);
            multiply_rows(n, rows, c, a.data(), b.data(), r.data(), more);
            multiply_rows_backward(n, rows, c, a.data(), dy.data(), columns.data(), more);
            CHECK(all_close(y, product, 1e-6) && all_close(z, scaled, 1e-6) && all_close(r, by_rows, 1e-6));
            CHECK(all_close(columns, db, 3e-6));
        }
        Floats sum = before, both(many), between = before;
        add_to(many, a.data(), sum.data());
        add(many, a.data(), before.data(), both.data());
        lerp(many, 0.25f, a.data(), between.data());
        CHECK(sum == both);
        for (std::size_t i = 0; i < many; ++i) {
            CHECK(sum[i] == a[i] + before[i] && close(between[i], 0.75 * before[i] + 0.25 * a[i], 1e-6));
        }
    }
}

void parts_of_concatenations() {
    for (const int c : {1, 3, 16, 21}) {
        const std::size_t rows = 5, width = size(c);
        const Floats x = numbers(rows * width);
        for (const bool more : {false, true}) {
            Floats wide(rows * (width + 3), 2.0f);
            copy_columns(rows, c, x.data(), width, wide.data() + 2, width + 3, more);
            for (std::size_t i = 0; i < wide.size(); ++i) {
                const std::size_t row = i / (width + 3), column = i % (width + 3);
                const bool inside = column >= 2 && column < 2 + width;
                CHECK(wide[i] == (inside ? x[row * width + column - 2] + (more ? 2.0f : 0.0f) : 2.0f));
            }
        }
    }
}

}  // namespace

int main() {
    pools();
    adaptive_pools();
    losses();
    losses_at_the_ends();
    squared_errors();
    optimizers();
    sums_and_products();
    parts_of_concatenations();
    return failures();
}
