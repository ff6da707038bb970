#include "frame.hpp"

namespace cambrian::train {
namespace {

struct Border {
    int before, length;
};

// From places of x: taps reach beyond the first and the last of `out` places of y.
Border border_of_y(int side, int kernel, int stride, int dilation) {
    const int padding = dilation * (kernel / 2), before = (padding + stride - 1) / stride;
    return {before, before + (side - 1 + padding) / stride + 1};
}

}  // namespace

const float* Frame::fill(const float* x, int images, float* framed) const {
    if (!bordered()) return x;
    const Offset row_length = Offset{w} * c;
    for (int image = 0; image < images; ++image) {
        for (int row = 0; row < h; ++row, x += row_length) {
            std::copy_n(x, row_length, framed + at(image, row + top, left));
        }
    }
    return framed;
}

Frame frame_of_x(const Conv& conv) {
    const int top = conv.dilation * (conv.kernel_h / 2), left = conv.dilation * (conv.kernel_w / 2);
    return {conv.h, conv.w, conv.in, top, left, conv.h + 2 * top, conv.w + 2 * left};
}

Frame frame_of_y(const Conv& conv) {
    const Border down = border_of_y(conv.h, conv.kernel_h, conv.stride_h, conv.dilation);
    const Border across = border_of_y(conv.w, conv.kernel_w, conv.stride_w, conv.dilation);
    return {conv.out_h(), conv.out_w(), conv.out, down.before, across.before, down.length, across.length};
}

int block_of(const Conv& conv, const Frame& frame) {
    constexpr Offset kCached = 49152;  // floats
    const Offset most = std::max<Offset>(kCached / frame.size(), 256 / (conv.h * conv.w));
    return static_cast<int>(std::clamp<Offset>(most, 1, conv.n));
}

Offset framed_size(const Conv& conv, const Frame& frame) {
    return frame.bordered() ? block_of(conv, frame) * frame.size() : 0;
}

}  // namespace cambrian::train
