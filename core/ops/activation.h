// Functions of one tensor, element by element. All have shape (…) → (…).
#pragma once

#include "core/tensor.h"

namespace limbeck {

Tensor relu(const Tensor& x);     // y = max(x, 0)                dx = dy where y > 0, else 0
Tensor sigmoid(const Tensor& x);  // y = 1 / (1 + e⁻ˣ)            dx = dy y (1 − y)
Tensor tanh(const Tensor& x);     // y = tanh x                   dx = dy (1 − y²)
Tensor exp(const Tensor& x);      // y = eˣ                       dx = dy y
Tensor log(const Tensor& x);      // y = ln x (−∞ at 0)           dx = dy / x

// y = x Φ(x), Φ the normal distribution function: the exact form by erf, not the tanh approximation
// (Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016).   dx = dy (Φ(x) + x φ(x))
Tensor gelu(const Tensor& x);

namespace detail {
// dy where relu's output y is above 0, else 0: also what an op needs that does relu's work.
Tensor relu_gradient(const Tensor& y, const Tensor& dy);
}  // namespace detail

}  // namespace limbeck
