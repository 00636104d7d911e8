// Initial values of weights.
//
// The scale matters: each layer should hand on signals, and gradients backwards, of about the size
// that it received. fan_in is the number of inputs that one output sums over, fan_out the number of
// outputs that one input reaches; for a weight (D_out, D_in, …) with further dimensions they are
// D_in and D_out times those.
#pragma once

#include "core/random.h"

namespace limbeck {

// Uniform in ±gain · √(3 / fan_in): variance gain² / fan_in. For a gain of √2 the rule for ReLU of
// He, Zhang, Ren, Sun, "Delving Deep into Rectifiers", ICCV 2015, section 2.2. Error: no fan-in.
Tensor kaiming_uniform(const Shape& shape, double gain, Rng& rng);

// Uniform in ±√(6 / (fan_in + fan_out)): Glorot and Bengio, "Understanding the difficulty of
// training deep feedforward neural networks", AISTATS 2010, equation 16. Error: no fan-in.
Tensor xavier_uniform(const Shape& shape, Rng& rng);

// Constants come from Tensor::full and Tensor::zeros.

}  // namespace limbeck
