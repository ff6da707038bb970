#include "cambrian/train/convolution.hpp"

#include <algorithm>

#include "cambrian/train/gemm.hpp"

namespace cambrian::train {
namespace {

// Calls visit(pixel of y, pixel of x, tap) for every pair that a convolution connects.
template <typename Visit>
void pairs(const Conv& conv, Visit visit) {
    const int top = conv.dilation * (conv.kernel_h / 2), left = conv.dilation * (conv.kernel_w / 2);
    for (std::size_t image = 0; image < static_cast<std::size_t>(conv.n); ++image) {
        for (int i = 0; i < conv.out_h() * conv.out_w(); ++i) {
            const std::size_t to =
                image * static_cast<std::size_t>(conv.out_h() * conv.out_w()) + static_cast<std::size_t>(i);
            for (int tap = 0; tap < conv.kernel_h * conv.kernel_w; ++tap) {
                const int row = i / conv.out_w() * conv.stride_h + tap / conv.kernel_w * conv.dilation - top;
                const int column =
                    i % conv.out_w() * conv.stride_w + tap % conv.kernel_w * conv.dilation - left;
                if (row < 0 || row >= conv.h || column < 0 || column >= conv.w) continue;
                visit(to,
                      image * static_cast<std::size_t>(conv.h * conv.w) +
                          static_cast<std::size_t>(row * conv.w + column),
                      static_cast<std::size_t>(tap));
            }
        }
    }
}

}  // namespace

std::size_t conv_workspace(const Conv&) {
    return 0;
}

void conv_forward(const Conv& conv, const float* x, const float* weight, const float* bias, float* y,
                  float*) {
    const auto in = static_cast<std::size_t>(conv.in), out = static_cast<std::size_t>(conv.out);
    const auto groups = static_cast<std::size_t>(conv.groups), each_in = in / groups, each = out / groups;
    const std::size_t pixels = static_cast<std::size_t>(conv.n * conv.out_h() * conv.out_w());
    for (std::size_t i = 0; i < pixels * out; ++i) y[i] = bias != nullptr ? bias[i % out] : 0.0f;
    pairs(conv, [&](std::size_t to, std::size_t from, std::size_t tap) {
        for (std::size_t o = 0; o < out; ++o) {
            for (std::size_t i = 0; i < each_in; ++i) {
                y[to * out + o] +=
                    x[from * in + o / each * each_in + i] * weight[(tap * each_in + i) * out + o];
            }
        }
    });
}

void conv_backward(const Conv& conv, const float* x, const float* weight, const float* dy, float* dx,
                   bool add_dx, float* dweight, float* dbias, float*) {
    const auto in = static_cast<std::size_t>(conv.in), out = static_cast<std::size_t>(conv.out);
    const auto groups = static_cast<std::size_t>(conv.groups), each_in = in / groups, each = out / groups;
    const std::size_t taps = static_cast<std::size_t>(conv.kernel_h * conv.kernel_w);
    if (dbias != nullptr) {
        column_sums(static_cast<std::size_t>(conv.n * conv.out_h() * conv.out_w()), conv.out, dy, dbias);
    }
    if (dx != nullptr && !add_dx) std::fill_n(dx, static_cast<std::size_t>(conv.n * conv.h * conv.w) * in, 0);
    std::fill_n(dweight, taps * each_in * out, 0.0f);
    pairs(conv, [&](std::size_t to, std::size_t from, std::size_t tap) {
        for (std::size_t o = 0; o < out; ++o) {
            for (std::size_t i = 0; i < each_in; ++i) {
                const std::size_t at = from * in + o / each * each_in + i, w = (tap * each_in + i) * out + o;
                dweight[w] += x[at] * dy[to * out + o];
                if (dx != nullptr) dx[at] += weight[w] * dy[to * out + o];
            }
        }
    });
}

}  // namespace cambrian::train
