// Images within borders of zeros, a block of them at a time.
#pragma once

#include <algorithm>
#include <cstddef>

#include "cambrian/train/convolution.hpp"

namespace cambrian::train {

using Offset = std::ptrdiff_t;

struct Frame {
    int h, w, c, top, left, height, width;

    Offset size() const { return Offset{height} * width * c; }
    Offset at(Offset image, Offset row, Offset column) const {
        return ((image * height + row) * width + column) * c;
    }
    bool bordered() const { return height != h || width != w; }
    // Where the images are: x itself if it needs no border, else `framed`, into which they are copied.
    const float* fill(const float* x, int images, float* framed) const;
};

// As far as the taps of a convolution reach, from places of y into x or from places of x into y.
Frame frame_of_x(const Conv& conv);
Frame frame_of_y(const Conv& conv);

// How many images are worked on at once: enough pixels for long products, few enough for the caches.
int block_of(const Conv& conv, const Frame& frame);

// The floats of a block of frames; 0 if there is no border.
Offset framed_size(const Conv& conv, const Frame& frame);

}  // namespace cambrian::train
