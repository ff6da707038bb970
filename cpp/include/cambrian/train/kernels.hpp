// Kernels for training small networks on one core: float32, dense, channels last, no memory of their own.
//
// Every array is rows × channels: images (n, h, w, c), tokens (n, t, d), features (n, f). Sizes are at least
// 1 unless said otherwise. Arrays must not overlap unless said otherwise, and need no alignment. `add` says
// that the result is added to what the array holds, else it is overwritten. Nothing is allocated:
// convolutions and attention are given work space, whose size they tell. A result depends on the arguments
// and on `cambrian::simd()` only, never on alignment or earlier calls; other CPUs may round differently.
#pragma once

#include "cambrian/train/activation.hpp"
#include "cambrian/train/attention.hpp"
#include "cambrian/train/convolution.hpp"
#include "cambrian/train/elementwise.hpp"
#include "cambrian/train/gemm.hpp"
#include "cambrian/train/loss.hpp"
#include "cambrian/train/norm.hpp"
#include "cambrian/train/optimize.hpp"
#include "cambrian/train/pool.hpp"
