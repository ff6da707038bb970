// Convolutions as products whose rows are read from images within a border of zeros (implicit im2col). Places
// that the same taps read beyond the image are a product of their own, without those taps.
#include "cambrian/train/convolution.hpp"

#include "cambrian/train/gemm.hpp"
#include "convolution_x.hpp"
#include "frame.hpp"
#include "lists.hpp"
#include "taps.hpp"

namespace cambrian::train {
namespace {

// Without a neighbourhood a convolution is a product.
bool pointwise(const Conv& c) {
    return c.kernel_h == 1 && c.kernel_w == 1 && c.stride_h == 1 && c.stride_w == 1 && c.groups == 1;
}

Axis down_of(const Conv& c) {
    return {c.h, c.out_h(), c.kernel_h, c.stride_h, c.dilation};
}

Axis across_of(const Conv& c) {
    return {c.w, c.out_w(), c.kernel_w, c.stride_w, c.dilation};
}

// A block of images: rows `places`, taps `taps` of each axis.
struct Part {
    Range places, taps;
};

void forward_part(const Conv& conv, const Frame& frame, int images, const Part& down, const Part& across,
                  Product p) {
    const Sizes size(conv);
    // Taps side by side are read as one.
    const bool diagonal = depthwise(conv), merged = diagonal || (conv.groups == 1 && conv.dilation == 1);
    p.length = (merged ? across.taps.end - across.taps.begin : 1) * size.each_in;
    p.step = diagonal ? conv.dilation * size.in : 1;
    multiply_lists(
        p, Groups(conv, size.each_in, size.each_out, size.each_out),
        [&](const auto& add) {
            for (int image = 0; image < images; ++image) {
                for (int i = down.places.begin; i < down.places.end; ++i) {
                    const Offset row = Offset{image} * conv.out_h() + i;
                    Offset from = frame.at(image, Offset{i} * conv.stride_h,
                                           Offset{across.places.begin} * conv.stride_w);
                    Offset to = (row * conv.out_w() + across.places.begin) * size.out;
                    for (int j = across.places.begin; j < across.places.end; ++j) {
                        add(from, to);
                        from += conv.stride_w * size.in, to += size.out;
                    }
                }
            }
        },
        [&](const auto& add) {
            for (int i = down.taps.begin; i < down.taps.end; ++i) {
                for (int j = across.taps.begin; j < (merged ? across.taps.begin + 1 : across.taps.end); ++j) {
                    add(frame.at(0, Offset{i} * conv.dilation, Offset{j} * conv.dilation),
                        (Offset{i} * conv.kernel_w + j) * size.each_in * size.out);
                }
            }
        });
}

void forward_block(const Conv& conv, const Frame& frame, int images, const float* x, const float* weight,
                   const float* bias, float* y) {
    const Sizes size(conv);
    Product p{};
    p.a = x;
    p.b = weight, p.ldb = size.out;
    p.c = y, p.columns = static_cast<int>(size.each_out);
    p.bias = bias;
    const Axis down = down_of(conv), across = across_of(conv);
    bands(
        down.out, [&](int i) { return down.taps(i); },
        [&](const Range& rows, const Range& taps_down) {
            bands(
                across.out, [&](int j) { return depthwise(conv) ? across.all_taps() : across.taps(j); },
                [&](const Range& columns, const Range& taps_across) {
                    forward_part(conv, frame, images, {rows, taps_down}, {columns, taps_across}, p);
                });
        });
}

void weight_part(const Conv& conv, const Frame& frame, int images, const Part& down, const Part& across,
                 Product p) {
    const Sizes size(conv);
    p.length = across.places.end - across.places.begin, p.step = conv.stride_w * size.in;
    if (p.length == 0) return;
    multiply_lists(
        p, Groups(conv, size.each_in, size.each_out, size.each_out),
        [&](const auto& add) {
            for (int i = down.taps.begin; i < down.taps.end; ++i) {
                for (int j = across.taps.begin; j < across.taps.end; ++j) {
                    const Offset tap = frame.at(0, Offset{i} * conv.dilation, Offset{j} * conv.dilation);
                    const Offset first = (Offset{i} * conv.kernel_w + j) * size.each_in;
                    for (Offset k = 0; k < size.each_in; ++k) add(tap + k, (first + k) * size.out);
                }
            }
        },
        [&](const auto& add) {
            for (int image = 0; image < images; ++image) {
                for (int i = down.places.begin; i < down.places.end; ++i) {
                    const int j = across.places.begin;
                    add(frame.at(image, Offset{i} * conv.stride_h, Offset{j} * conv.stride_w),
                        ((Offset{image} * conv.out_h() + i) * conv.out_w() + j) * size.out);
                }
            }
        });
}

// Adds to dweight.
void weight_block(const Conv& conv, const Frame& frame, int images, const float* x, const float* dy,
                  float* dweight) {
    const Sizes size(conv);
    Product p{};
    p.a = x;
    p.b = dy, p.ldb = size.out;
    p.c = dweight, p.columns = static_cast<int>(size.each_out);
    p.accumulate = true;
    // Taps are taken apart, to leave the border out, where each still fills tiles of eight rows.
    const auto fills = [](Offset rows) { return rows % 8 == 0 || rows >= 32; };
    const bool apart_down = !depthwise(conv) && fills(conv.kernel_w * size.each_in);
    const bool apart_across = apart_down && fills(size.each_in);
    const Axis down = down_of(conv), across = across_of(conv);
    const auto each = [](const Axis& axis, bool apart, const auto& visit) {
        if (!apart) return visit(Part{{0, axis.out}, axis.all_taps()});
        for (int tap = 0; tap < axis.kernel; ++tap) visit(Part{axis.places(tap), {tap, tap + 1}});
    };
    each(down, apart_down, [&](const Part& rows) {
        each(across, apart_across,
             [&](const Part& columns) { weight_part(conv, frame, images, rows, columns, p); });
    });
}

// Calls visit(images, first pixel of x, first pixel of y) for blocks of images.
template <typename Visit>
void blocks(const Conv& conv, const Frame& frame, const Visit& visit) {
    const int most = block_of(conv, frame);
    for (int first = 0; first < conv.n; first += most) {
        visit(std::min(most, conv.n - first), Offset{first} * conv.h * conv.w,
              Offset{first} * conv.out_h() * conv.out_w());
    }
}

void pointwise_backward(const Conv& conv, const float* x, const float* weight, const float* dy, float* dx,
                        bool add_dx, float* dweight) {
    const int pixels = conv.n * conv.h * conv.w;
    gemm(true, false, conv.in, conv.out, pixels, x, conv.in, dy, conv.out, dweight, conv.out, false);
    if (dx == nullptr) return;
    gemm(false, true, pixels, conv.in, conv.out, dy, conv.out, weight, conv.out, dx, conv.in, add_dx);
}

}  // namespace

std::size_t conv_workspace(const Conv& conv) {
    const Sizes size(conv);
    if (pointwise(conv)) return 0;
    const Offset framed = std::max(framed_size(conv, frame_of_x(conv)), framed_size(conv, frame_of_y(conv)));
    return static_cast<std::size_t>(framed + size.taps * size.each_in * size.out);
}

void conv_forward(const Conv& conv, const float* x, const float* weight, const float* bias, float* y,
                  float* work) {
    if (pointwise(conv)) {
        return gemm(false, false, conv.n * conv.h * conv.w, conv.out, conv.in, x, conv.in, weight, conv.out,
                    y, conv.out, false, bias);
    }
    const Sizes size(conv);
    const Frame frame = frame_of_x(conv);
    std::fill_n(work, framed_size(conv, frame), 0.0f);
    blocks(conv, frame, [&](int images, Offset in, Offset out) {
        const float* framed = frame.fill(x + in * size.in, images, work);
        forward_block(conv, frame, images, framed, weight, bias, y + out * size.out);
    });
}

void conv_backward(const Conv& conv, const float* x, const float* weight, const float* dy, float* dx,
                   bool add_dx, float* dweight, float* dbias, float* work) {
    const Sizes size(conv);
    if (dbias != nullptr) {
        const Offset pixels = Offset{conv.n} * conv.out_h() * conv.out_w();
        column_sums(static_cast<std::size_t>(pixels), conv.out, dy, dbias);
    }
    if (pointwise(conv)) return pointwise_backward(conv, x, weight, dy, dx, add_dx, dweight);
    const Frame of_x = frame_of_x(conv), of_y = frame_of_y(conv);
    std::fill_n(work, framed_size(conv, of_x), 0.0f);
    std::fill_n(dweight, size.taps * size.each_in * size.out, 0.0f);
    blocks(conv, of_x, [&](int images, Offset in, Offset out) {
        const float* framed = of_x.fill(x + in * size.in, images, work);
        weight_block(conv, of_x, images, framed, dy + out * size.out, dweight);
    });
    if (dx == nullptr) return;
    float* turned = work + framed_size(conv, of_y);
    turn(conv, weight, turned);
    std::fill_n(work, framed_size(conv, of_y), 0.0f);
    blocks(conv, of_y, [&](int images, Offset in, Offset out) {
        const float* framed = of_y.fill(dy + out * size.out, images, work);
        backward_x_block(conv, of_y, images, framed, turned, dx + in * size.in, add_dx);
    });
}

}  // namespace cambrian::train
