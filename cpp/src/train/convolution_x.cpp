#include "convolution_x.hpp"

#include "lists.hpp"
#include "taps.hpp"

namespace cambrian::train {
namespace {

// Calls visit(down, across, taps before them) for each pair of remainders by the strides.
template <typename Visit>
void phases(const Conv& conv, const Visit& visit) {
    const Axis down{conv.h, conv.out_h(), conv.kernel_h, conv.stride_h, conv.dilation};
    const Axis across{conv.w, conv.out_w(), conv.kernel_w, conv.stride_w, conv.dilation};
    Offset before = 0;
    for (int i = 0; i < std::min(conv.stride_h, conv.h); ++i) {
        for (int j = 0; j < std::min(conv.stride_w, conv.w); ++j) {
            const Phase first(down, i), second(across, j);
            visit(first, second, before);
            before += Offset{first.count} * second.count;
        }
    }
}

// The places of dx that the same taps give to.
struct Part {
    const Phase& phase;
    Range places, taps;
};

void backward_part(const Conv& conv, const Frame& frame, int images, const Part& down, const Part& across,
                   Product p) {
    const Sizes size(conv);
    const bool diagonal = depthwise(conv), merged = diagonal || (conv.groups == 1 && across.phase.pace == 1);
    p.length = size.each_out * (merged ? across.taps.end - across.taps.begin : 1);
    p.step = diagonal ? across.phase.pace * size.out : 1;
    multiply_lists(
        p, Groups(conv, size.each_out, size.each_in, size.each_in),
        [&](const auto& add) {
            for (int image = 0; image < images; ++image) {
                for (int i = down.places.begin; i < down.places.end; ++i) {
                    const Offset row = Offset{image} * conv.h + down.phase.place(i);
                    for (int j = across.places.begin; j < across.places.end; ++j) {
                        add(frame.at(image, i, j), (row * conv.w + across.phase.place(j)) * size.in);
                    }
                }
            }
        },
        [&](const auto& add) {
            const int last = merged ? std::min(across.taps.begin + 1, across.taps.end) : across.taps.end;
            for (int i = down.taps.begin; i < down.taps.end; ++i) {
                for (int j = across.taps.begin; j < last; ++j) {
                    add(frame.at(0, down.phase.shift(i) + frame.top, across.phase.shift(j) + frame.left),
                        (Offset{i} * across.phase.count + j) * size.each_out * size.in);
                }
            }
        });
}

}  // namespace

void turn(const Conv& conv, const float* weight, float* turned) {
    const Sizes size(conv);
    phases(conv, [&](const Phase& down, const Phase& across, Offset) {
        for (int t = 0; t < down.count * across.count; ++t, turned += size.each_out * size.in) {
            const Offset tap =
                Offset{down.tap(t / across.count)} * conv.kernel_w + across.tap(t % across.count);
            const float* from = weight + tap * size.each_in * size.out;
            if (depthwise(conv)) {
                std::copy_n(from, size.in, turned);
                continue;
            }
            for (int group = 0; group < conv.groups; ++group) {
                transpose(size.each_in, size.each_out, from + group * size.each_out, size.out,
                          turned + group * size.each_in, size.in);
            }
        }
    });
}

void backward_x_block(const Conv& conv, const Frame& frame, int images, const float* dy, const float* turned,
                      float* dx, bool accumulate) {
    const Sizes size(conv);
    Product p{};
    p.a = dy;
    p.ldb = size.in;
    p.c = dx, p.columns = static_cast<int>(size.each_in);
    p.accumulate = accumulate;
    phases(conv, [&](const Phase& down, const Phase& across, Offset before) {
        p.b = turned + before * size.each_out * size.in;
        bands(
            down.places(), [&](int i) { return down.taps(i); },
            [&](const Range& rows, const Range& taps_down) {
                bands(
                    across.places(),
                    [&](int j) { return depthwise(conv) ? across.all_taps() : across.taps(j); },
                    [&](const Range& columns, const Range& taps_across) {
                        backward_part(conv, frame, images, {down, rows, taps_down},
                                      {across, columns, taps_across}, p);
                    });
            });
    });
}

}  // namespace cambrian::train
