// Functions of one tensor, element by element. All have shape (…) → (…).
#pragma once

#include "core/tensor.h"

namespace limbeck {

Tensor relu(const Tensor& x);     // y = max(x, 0)                dx = dy where y > 0, else 0
Tensor sigmoid(const Tensor& x);  // y = 1 / (1 + e⁻ˣ)            dx = dy y (1 − y)
Tensor tanh(const Tensor& x);     // y = tanh x                   dx = dy (1 − y²)
Tensor exp(const Tensor& x);      // y = eˣ                       dx = dy y
Tensor log(const Tensor& x);      // y = ln x (−∞ at 0)           dx = dy / x
Tensor sqrt(const Tensor& x);     // y = √x                       dx = dy / 2y (∞ at 0)
Tensor square(const Tensor& x);   // y = x²                       dx = dy · 2x
Tensor abs(const Tensor& x);      // y = |x|                      dx = dy sign(x), 0 at 0

// y = xᵖ   dx = dy p xᵖ⁻¹. NaN where x is below 0 and p no whole number.
Tensor pow(const Tensor& x, double p);

// y = x, but low where it is below and high where it is above; NaN stays.   dx = dy where
// low ≤ x ≤ high, else 0. Error: low above high, or one of them is NaN.
Tensor clamp(const Tensor& x, double low, double high);

// y = x where x > 0, else slope · x   dx = dy, or slope · dy (Maas, Hannun and Ng, "Rectifier
// Nonlinearities Improve Neural Network Acoustic Models", 2013, section 2).
Tensor leaky_relu(const Tensor& x, double slope = 0.01);

// y = x Φ(x), Φ the normal distribution function: the exact form by erf, not the tanh approximation
// (Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016).   dx = dy (Φ(x) + x φ(x))
Tensor gelu(const Tensor& x);

namespace detail {
// dy where relu's output y is above 0, else 0: also what an op needs that does relu's work.
Tensor relu_gradient(const Tensor& y, const Tensor& dy);
}  // namespace detail

}  // namespace limbeck
