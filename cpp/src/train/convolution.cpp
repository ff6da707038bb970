// Convolutions as products whose rows are read from images within a border of zeros (implicit im2col). The
// gradient of x is a convolution too, of dy by the turned kernel; with a stride, one for each remainder of
// the place in x by the stride.
#include "cambrian/train/convolution.hpp"

#include <numeric>

#include "cambrian/train/gemm.hpp"
#include "frame.hpp"
#include "product.hpp"

namespace cambrian::train {
namespace {

struct Sizes {
    Offset taps, in, out, each_in, each_out;

    explicit Sizes(const Conv& c)
        : taps(Offset{c.kernel_h} * c.kernel_w),
          in(c.in),
          out(c.out),
          each_in(c.in / c.groups),
          each_out(c.out / c.groups) {}
};

// Without a neighbourhood a convolution is a product.
bool pointwise(const Conv& c) {
    return c.kernel_h == 1 && c.kernel_w == 1 && c.stride_h == 1 && c.stride_w == 1 && c.groups == 1;
}

// The offsets of rows or segments; `flush` is called whenever the list is full, and at the end.
struct List {
    static constexpr int kMost = 256;
    Offset from[kMost], to[kMost];
    int count = 0;

    template <typename Flush>
    void add(Offset in, Offset out, const Flush& flush) {
        from[count] = in, to[count] = out;
        if (++count == kMost) finish(flush);
    }
    template <typename Flush>
    void finish(const Flush& flush) {
        if (count > 0) flush();
        count = 0;
    }
};

bool depthwise(const Conv& c) {
    return c.groups > 1 && c.in == c.groups && c.out == c.groups;
}

// A product for each group: a, b and c begin further on by as much as these from group to group. The groups
// of a depthwise convolution are the columns of one diagonal product.
struct Groups {
    int count;
    Offset a, b, c;
    bool diagonal;

    Groups(const Conv& conv, Offset a_each, Offset b_each, Offset c_each)
        : count(conv.groups), a(a_each), b(b_each), c(c_each), diagonal(depthwise(conv)) {}

    void multiply_each(Product p) const {
        if (diagonal) {
            p.columns = count;
            return multiply_diagonal(p);
        }
        for (int group = 0; group < count; ++group) {
            multiply(p);
            p.a += a, p.b += b, p.c += c;
            if (p.bias != nullptr) p.bias += c;
        }
    }
};

// The product of all rows that each_row(add(from, to)) lists, over all segments that each_segment(add(from))
// lists.
template <typename EachRow, typename EachSegment>
void multiply_lists(const Product& product, const Groups& groups, const EachRow& each_row,
                    const EachSegment& each_segment) {
    List rows, segments;
    const auto flush_rows = [&] {
        Product p = product;
        p.from = rows.from, p.to = rows.to, p.rows = rows.count;
        p.segments = segments.from;
        const auto flush_segments = [&] {
            p.segment_count = segments.count;
            groups.multiply_each(p);
            p.b += segments.count * p.length * p.ldb;
            p.accumulate = true;
        };
        each_segment([&](Offset from) { segments.add(from, 0, flush_segments); });
        segments.finish(flush_segments);
    };
    each_row([&](Offset from, Offset to) { rows.add(from, to, flush_rows); });
    rows.finish(flush_rows);
}

void forward_block(const Conv& conv, const Frame& frame, int images, const float* x, const float* weight,
                   const float* bias, float* y) {
    const Sizes size(conv);
    // Taps side by side are read as one.
    const bool diagonal = depthwise(conv), merged = diagonal || (conv.groups == 1 && conv.dilation == 1);
    Product p{};
    p.a = x, p.length = (merged ? conv.kernel_w : 1) * size.each_in;
    p.step = diagonal ? conv.dilation * size.in : 1;
    p.b = weight, p.ldb = size.out;
    p.c = y, p.columns = static_cast<int>(size.each_out);
    p.bias = bias;
    multiply_lists(
        p, Groups(conv, size.each_in, size.each_out, size.each_out),
        [&](const auto& add) {
            Offset to = 0;
            for (int image = 0; image < images; ++image) {
                for (int i = 0; i < conv.out_h(); ++i) {
                    Offset from = frame.at(image, Offset{i} * conv.stride_h, 0);
                    for (int j = 0; j < conv.out_w(); ++j, to += size.out, from += conv.stride_w * size.in) {
                        add(from, to);
                    }
                }
            }
        },
        [&](const auto& add) {
            for (int i = 0; i < conv.kernel_h; ++i) {
                for (int j = 0; j < (merged ? 1 : conv.kernel_w); ++j) {
                    add(frame.at(0, Offset{i} * conv.dilation, Offset{j} * conv.dilation));
                }
            }
        });
}

void backward_weight_block(const Conv& conv, const Frame& frame, int images, const float* x, const float* dy,
                           float* dweight, bool accumulate) {
    const Sizes size(conv);
    Product p{};
    p.a = x, p.length = conv.out_w(), p.step = conv.stride_w * size.in;
    p.b = dy, p.ldb = size.out;
    p.c = dweight, p.columns = static_cast<int>(size.each_out);
    p.accumulate = accumulate;
    multiply_lists(
        p, Groups(conv, size.each_in, size.each_out, size.each_out),
        [&](const auto& add) {
            Offset to = 0;
            for (int i = 0; i < conv.kernel_h; ++i) {
                for (int j = 0; j < conv.kernel_w; ++j) {
                    const Offset tap = frame.at(0, Offset{i} * conv.dilation, Offset{j} * conv.dilation);
                    for (Offset k = 0; k < size.each_in; ++k, to += size.out) add(tap + k, to);
                }
            }
        },
        [&](const auto& add) {
            for (int image = 0; image < images; ++image) {
                for (int i = 0; i < conv.out_h(); ++i) add(frame.at(image, Offset{i} * conv.stride_h, 0));
            }
        });
}

// One axis of the places in x that have the same remainder by the stride. Place remainder + stride · q of x
// takes part, by some of the taps, in places q + shift of y.
struct Phase {
    int remainder, side, kernel, stride, dilation;

    int count() const { return (side - remainder + stride - 1) / stride; }
    // visit(tap, shift), by ascending shift.
    template <typename Visit>
    void taps(const Visit& visit) const {
        for (int tap = kernel - 1; tap >= 0; --tap) {
            const int ahead = remainder + (kernel / 2 - tap) * dilation;
            if (ahead % stride == 0) visit(tap, ahead / stride);
        }
    }
    // From a shift to the next one.
    int pace() const { return dilation / std::gcd(dilation, stride); }
};

template <typename Visit>
void phases(const Conv& conv, const Visit& visit) {
    for (int i = 0; i < std::min(conv.stride_h, conv.h); ++i) {
        for (int j = 0; j < std::min(conv.stride_w, conv.w); ++j) {
            visit(Phase{i, conv.h, conv.kernel_h, conv.stride_h, conv.dilation},
                  Phase{j, conv.w, conv.kernel_w, conv.stride_w, conv.dilation});
        }
    }
}

// The weights (taps, out / groups, in), taps in the order in which backward_x_block reads them.
void turn(const Conv& conv, const float* weight, float* turned) {
    const Sizes size(conv);
    phases(conv, [&](const Phase& down, const Phase& across) {
        down.taps([&](int i, int) {
            across.taps([&](int j, int) {
                const float* from = weight + (Offset{i} * conv.kernel_w + j) * size.each_in * size.out;
                if (depthwise(conv)) std::copy_n(from, size.in, turned);
                for (int group = 0; group < conv.groups && !depthwise(conv); ++group) {
                    transpose(size.each_in, size.each_out, from + group * size.each_out, size.out,
                              turned + group * size.each_in, size.in);
                }
                turned += size.each_out * size.in;
            });
        });
    });
}

void backward_x_block(const Conv& conv, const Frame& frame, int images, const float* dy, const float* turned,
                      float* dx, bool accumulate) {
    const Sizes size(conv);
    phases(conv, [&](const Phase& down, const Phase& across) {
        int taps_down = 0, taps_across = 0;
        down.taps([&](int, int) { ++taps_down; });
        across.taps([&](int, int) { ++taps_across; });
        const bool diagonal = depthwise(conv), merged = diagonal || (conv.groups == 1 && across.pace() == 1);
        Product p{};
        p.a = dy, p.length = size.each_out * (merged ? taps_across : 1);
        p.step = diagonal ? across.pace() * size.out : 1;
        p.b = turned, p.ldb = size.in;
        p.c = dx, p.columns = static_cast<int>(size.each_in);
        p.accumulate = accumulate;
        const auto each_row = [&](const auto& add) {
            for (int image = 0; image < images; ++image) {
                for (int i = 0; i < down.count(); ++i) {
                    const Offset row = Offset{image} * conv.h + down.remainder + Offset{i} * conv.stride_h;
                    for (int j = 0; j < across.count(); ++j) {
                        const Offset column = across.remainder + Offset{j} * conv.stride_w;
                        add(frame.at(image, i, j), (row * conv.w + column) * size.in);
                    }
                }
            }
        };
        const auto each_segment = [&](const auto& add) {
            down.taps([&](int, int i) {
                bool first = true;
                across.taps([&](int, int j) {
                    if (first || !merged) add(frame.at(0, i + frame.top, j + frame.left));
                    first = false;
                });
            });
        };
        if (taps_down * taps_across > 0) {
            multiply_lists(p, Groups(conv, size.each_out, size.each_in, size.each_in), each_row,
                           each_segment);
        } else if (!accumulate) {
            each_row([&](Offset, Offset to) { std::fill_n(dx + to, size.in, 0.0f); });
        }
        turned += taps_down * taps_across * size.each_out * size.in;
    });
}

// Calls visit(images, first pixel of x, first pixel of y) for blocks of images.
template <typename Visit>
void blocks(const Conv& conv, const Visit& visit) {
    const int most = block_of(conv);
    for (int first = 0; first < conv.n; first += most) {
        visit(std::min(most, conv.n - first), Offset{first} * conv.h * conv.w,
              Offset{first} * conv.out_h() * conv.out_w());
    }
}

void pointwise_backward(const Conv& conv, const float* x, const float* weight, const float* dy, float* dx,
                        bool add_dx, float* dweight) {
    const Sizes size(conv);
    const int pixels = conv.n * conv.h * conv.w;
    const auto in = static_cast<int>(size.each_in), out = static_cast<int>(size.each_out);
    for (int group = 0; group < conv.groups; ++group, x += in, weight += out, dy += out, dweight += out) {
        gemm(true, false, in, out, pixels, x, conv.in, dy, conv.out, dweight, conv.out, false);
        if (dx == nullptr) continue;
        gemm(false, true, pixels, in, out, dy, conv.out, weight, conv.out, dx, conv.in, add_dx);
        dx += in;
    }
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
    const Sizes size(conv);
    if (pointwise(conv)) {
        const auto in = static_cast<int>(size.each_in), out = static_cast<int>(size.each_out);
        for (int group = 0; group < conv.groups; ++group, x += in, weight += out, y += out) {
            gemm(false, false, conv.n * conv.h * conv.w, out, in, x, conv.in, weight, conv.out, y, conv.out,
                 false, bias == nullptr ? nullptr : bias + group * out);
        }
        return;
    }
    const Frame frame = frame_of_x(conv);
    std::fill_n(work, framed_size(conv, frame), 0.0f);
    blocks(conv, [&](int images, Offset in, Offset out) {
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
    blocks(conv, [&](int images, Offset in, Offset out) {
        const float* framed = of_x.fill(x + in * size.in, images, work);
        backward_weight_block(conv, of_x, images, framed, dy + out * size.out, dweight, in > 0);
    });
    if (dx == nullptr) return;
    float* turned = work + framed_size(conv, of_y);
    turn(conv, weight, turned);
    std::fill_n(work, framed_size(conv, of_y), 0.0f);
    blocks(conv, [&](int images, Offset in, Offset out) {
        const float* framed = of_y.fill(dy + out * size.out, images, work);
        backward_x_block(conv, of_y, images, framed, turned, dx + in * size.in, add_dx);
    });
}

}  // namespace cambrian::train
