// Activations, as torch defines them: gelu by erf, leaky_relu with slope 0.01, elu with alpha 1.
#pragma once

#include <cstddef>

#include "cambrian/operation.hpp"

namespace cambrian::train {

using cambrian::Activation;

// y (n) of x (n); y may be x.
void activation_forward(Activation kind, std::size_t n, const float* x, float* y);

// dx (n) of dy (n), where x (n) was given to the activation; dx may be dy.
void activation_backward(Activation kind, std::size_t n, const float* x, const float* dy, float* dx,
                         bool add);

}  // namespace cambrian::train
