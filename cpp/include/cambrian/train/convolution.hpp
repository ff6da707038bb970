// Convolutions of images (n, h, w, in) by weights (kernel_h, kernel_w, in / groups, out); tokens are images
// of height 1.
#pragma once

#include <cstddef>

namespace cambrian::train {

// Kernels are odd; the padding is dilation * (kernel - 1) / 2 on each side, so a side becomes
// ceil(side / stride). `groups` divides `in` and `out`.
struct Conv {
    int n = 1, h = 1, w = 1, in = 1, out = 1;
    int kernel_h = 1, kernel_w = 1, stride_h = 1, stride_w = 1, dilation = 1, groups = 1;

    int out_h() const { return (h + stride_h - 1) / stride_h; }
    int out_w() const { return (w + stride_w - 1) / stride_w; }
};

// Floats that both directions need as `work`; may be 0.
std::size_t conv_workspace(const Conv& conv);

// y (n, out_h, out_w, out); bias (out) or null.
void conv_forward(const Conv& conv, const float* x, const float* weight, const float* bias, float* y,
                  float* work);

// dx (n, h, w, in), or null if nobody needs it; dweight as weight and dbias (out), or null, are overwritten.
void conv_backward(const Conv& conv, const float* x, const float* weight, const float* dy, float* dx,
                   bool add_dx, float* dweight, float* dbias, float* work);

}  // namespace cambrian::train
