// The gradient of a convolution's x: a convolution too, of dy by the turned kernel; with a stride, one for
// each remainder of the place in x by the stride.
#pragma once

#include "frame.hpp"

namespace cambrian::train {

// The weights (taps, out / groups, in), taps in the order in which backward_x_block reads them.
void turn(const Conv& conv, const float* weight, float* turned);

// dy in the frame_of_y of some images, dx of the same.
void backward_x_block(const Conv& conv, const Frame& frame, int images, const float* dy, const float* turned,
                      float* dx, bool accumulate);

}  // namespace cambrian::train
