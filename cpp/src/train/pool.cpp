#include "cambrian/train/pool.hpp"

#include <algorithm>

#include "lanes.hpp"

namespace cambrian::train {
namespace {

struct Span {
    int begin, end;

    int size() const { return end - begin; }
};

// Windows over images of h × w pixels: of kernel and stride, or of kernel 0, adaptive.
struct Windows {
    int n, h, w, c, out_h, out_w, kernel, stride;

    Span span(int side, int out, int i) const {
        if (kernel == 0) {
            const auto start = [&](std::int64_t j) { return static_cast<int>(j * side / out); };
            return {start(i), static_cast<int>(((i + std::int64_t{1}) * side + out - 1) / out)};
        }
        const int begin = i * stride - (kernel % 2 == 1 ? kernel / 2 : 0);
        return {std::max(begin, 0), std::min(begin + kernel, side)};
    }
    std::size_t in_size() const { return static_cast<std::size_t>(h * w) * channels(); }
    std::size_t out_size() const { return static_cast<std::size_t>(out_h * out_w) * channels(); }
    std::size_t inputs() const { return static_cast<std::size_t>(n) * in_size(); }
    std::size_t channels() const { return static_cast<std::size_t>(c); }
};

Windows windows(const Pool& p) {
    return {p.n, p.h, p.w, p.c, p.out_h(), p.out_w(), p.kernel, p.stride};
}

// Outputs side by side whose windows are as wide, each a pixel further than the last: one run of values.
struct Run {
    std::size_t output, pixel, length;  // the first values of y and x, and how many
    std::int32_t place;                 // the pixel's in the window
    bool first;
    float share;  // of one pixel in an average
};

// Calls visit(run) for every pixel of the windows of an image, those of a window in order.
template <typename Visit>
CAMBRIAN_INLINE void each(const Windows& of, Visit visit) {
    const std::size_t c = of.channels();
    for (int i = 0; i < of.out_h; ++i) {
        const Span down = of.span(of.h, of.out_h, i);
        for (int j = 0, end; j < of.out_w; j = end) {
            const Span across = of.span(of.w, of.out_w, j);
            const float share = 1.0f / static_cast<float>(down.size() * across.size());
            for (end = j + 1; of.stride == 1 && end < of.out_w; ++end) {
                const Span next = of.span(of.w, of.out_w, end);
                if (next.begin != across.begin + end - j || next.size() != across.size()) break;
            }
            for (int row = down.begin; row < down.end; ++row) {
                for (int column = across.begin; column < across.end; ++column) {
                    const int place = (row - down.begin) * of.kernel + column - across.begin;
                    visit(Run{static_cast<std::size_t>(i * of.out_w + j) * c,
                              static_cast<std::size_t>(row * of.w + column) * c,
                              static_cast<std::size_t>(end - j) * c, place,
                              row == down.begin && column == across.begin, share});
                }
            }
        }
    }
}

#ifdef __GNUC__
#define CAMBRIAN_HERE __attribute__((always_inline))
#else
#define CAMBRIAN_HERE
#endif

CAMBRIAN_INLINE void greatest(const Windows& of, const float* x, float* y, std::int32_t* where) {
    for (int image = 0; image < of.n; ++image, x += of.in_size(), y += of.out_size()) {
        each(of, [&](const Run& run) CAMBRIAN_HERE {
            const float* from = x + run.pixel;
            float* to = y + run.output;
            std::int32_t* at = where == nullptr ? nullptr : where + run.output;
            if (run.first) {
                std::copy_n(from, run.length, to);
                if (at != nullptr) std::fill_n(at, run.length, run.place);
            } else if (at != nullptr) {
                CAMBRIAN_SEPARATE for (std::size_t k = 0; k < run.length; ++k) {
                    const bool more = (from[k] > to[k]) | (from[k] != from[k]);
                    at[k] = more ? run.place : at[k];
                    to[k] = more ? from[k] : to[k];
                }
            } else {
                CAMBRIAN_SEPARATE for (std::size_t k = 0; k < run.length; ++k) {
                    to[k] = ((from[k] > to[k]) | (from[k] != from[k])) ? from[k] : to[k];
                }
            }
        });
        if (where != nullptr) where += of.out_size();
    }
}

// A vector looks at every pixel of its windows: quicker than one value after another at its own.
CAMBRIAN_INLINE void to_greatest(const Windows& of, const std::int32_t* where, const float* dy, float* dx) {
    for (int image = 0; image < of.n; ++image) {
        each(of, [&](const Run& run) CAMBRIAN_HERE {
            const std::int32_t* at = where + run.output;
            const float* from = dy + run.output;
            float* to = dx + run.pixel;
            CAMBRIAN_SEPARATE for (std::size_t k = 0; k < run.length; ++k) {
                to[k] += at[k] == run.place ? from[k] : 0.0f;
            }
        });
        where += of.out_size(), dy += of.out_size(), dx += of.in_size();
    }
}

CAMBRIAN_INLINE void averages(const Windows& of, const float* x, float* y) {
    for (int image = 0; image < of.n; ++image, x += of.in_size(), y += of.out_size()) {
        each(of, [&](const Run& run) CAMBRIAN_HERE {
            const float* from = x + run.pixel;
            float* to = y + run.output;
            if (run.first) {
                CAMBRIAN_SEPARATE for (std::size_t k = 0; k < run.length; ++k) to[k] = from[k] * run.share;
            } else {
                CAMBRIAN_SEPARATE for (std::size_t k = 0; k < run.length; ++k) to[k] += from[k] * run.share;
            }
        });
    }
}

CAMBRIAN_INLINE void from_averages(const Windows& of, const float* dy, float* dx) {
    for (int image = 0; image < of.n; ++image, dy += of.out_size(), dx += of.in_size()) {
        each(of, [&](const Run& run) CAMBRIAN_HERE {
            const float* from = dy + run.output;
            float* to = dx + run.pixel;
            CAMBRIAN_SEPARATE for (std::size_t k = 0; k < run.length; ++k) to[k] += from[k] * run.share;
        });
    }
}

CAMBRIAN_INLINE void means(std::size_t n, std::size_t rows, std::size_t c, const float* x, float* y) {
    const float part = 1.0f / static_cast<float>(rows);
    for (std::size_t i = 0; i < n; ++i, y += c) {
        std::fill_n(y, c, 0.0f);
        std::size_t row = 0;
        for (; row + 4 <= rows; row += 4, x += 4 * c) {
            CAMBRIAN_SEPARATE for (std::size_t k = 0; k < c; ++k) {
                y[k] += (x[k] + x[c + k]) + (x[2 * c + k] + x[3 * c + k]);
            }
        }
        for (; row < rows; ++row, x += c) {
            CAMBRIAN_SEPARATE for (std::size_t k = 0; k < c; ++k) y[k] += x[k];
        }
        for (std::size_t k = 0; k < c; ++k) y[k] *= part;
    }
}
CAMBRIAN_KERNEL(void, means, (std::size_t n, std::size_t rows, std::size_t c, const float* x, float* y),
                (n, rows, c, x, y))
CAMBRIAN_KERNEL(void, greatest, (const Windows& of, const float* x, float* y, std::int32_t* where),
                (of, x, y, where))
CAMBRIAN_KERNEL(void, to_greatest, (const Windows& of, const std::int32_t* where, const float* dy, float* dx),
                (of, where, dy, dx))
CAMBRIAN_KERNEL(void, averages, (const Windows& of, const float* x, float* y), (of, x, y))
CAMBRIAN_KERNEL(void, from_averages, (const Windows& of, const float* dy, float* dx), (of, dy, dx))

void zero(bool keep, std::size_t n, float* x) {
    if (!keep) std::fill_n(x, n, 0.0f);
}

}  // namespace

void max_pool_forward(const Pool& pool, const float* x, float* y, std::int32_t* where) {
    choose_greatest()(windows(pool), x, y, where);
}

void max_pool_backward(const Pool& pool, const std::int32_t* where, const float* dy, float* dx, bool add) {
    zero(add, windows(pool).inputs(), dx);
    choose_to_greatest()(windows(pool), where, dy, dx);
}

void avg_pool_forward(const Pool& pool, const float* x, float* y) {
    choose_averages()(windows(pool), x, y);
}

void avg_pool_backward(const Pool& pool, const float* dy, float* dx, bool add) {
    zero(add, windows(pool).inputs(), dx);
    choose_from_averages()(windows(pool), dy, dx);
}

void adaptive_avg_pool_forward(int n, int h, int w, int c, int out_h, int out_w, const float* x, float* y) {
    choose_averages()({n, h, w, c, out_h, out_w, 0, 0}, x, y);
}

void adaptive_avg_pool_backward(int n, int h, int w, int c, int out_h, int out_w, const float* dy, float* dx,
                                bool add) {
    const Windows of{n, h, w, c, out_h, out_w, 0, 0};
    zero(add, of.inputs(), dx);
    choose_from_averages()(of, dy, dx);
}

void mean_rows_forward(std::size_t n, std::size_t rows, int c, const float* x, float* y) {
    choose_means()(n, rows, static_cast<std::size_t>(c), x, y);
}

void mean_rows_backward(std::size_t n, std::size_t rows, int c, const float* dy, float* dx, bool add) {
    const int height = static_cast<int>(rows);
    const Windows of{static_cast<int>(n), height, 1, c, 1, 1, 0, 0};
    zero(add, of.inputs(), dx);
    choose_from_averages()(of, dy, dx);
}

}  // namespace cambrian::train
