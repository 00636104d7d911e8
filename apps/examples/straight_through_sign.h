// sign(x) as an op that a network can learn through: its gradient is not the derivative.
//
// The derivative of sign is 0 everywhere, and infinite at 0: behind it nothing would ever learn.
// The straight-through estimator sends back the gradient as though the op had passed x on. Clipped
// to |x| ≤ 1, it leaves alone what is far on one side already and would only grow further.
// Bengio, Léonard and Courville, "Estimating or Propagating Gradients Through Stochastic Neurons
// for Conditional Computation", 2013; clipped as in Courbariaux et al., "Binarized Neural
// Networks", 2016, section 1.3.
#pragma once

#include <cmath>

#include "core/autograd.h"

namespace limbeck {

// y = 1 where x ≥ 0, else −1: (…) → (…)      dx = dy where |x| ≤ 1, else 0
inline Tensor straight_through_sign(const Tensor& x) {
  Tensor y = Tensor::empty(x.shape());
  for (Index i = 0; i < x.size(); ++i) y.data()[i] = x.data()[i] >= 0 ? real(1) : real(-1);
  return record("straight_through_sign", y, {x}, [x](const Tensor& dy) -> Gradients {
    Tensor dx = Tensor::empty(x.shape());
    for (Index i = 0; i < x.size(); ++i) {
      dx.data()[i] = std::abs(x.data()[i]) <= 1 ? dy.data()[i] : real(0);
    }
    return {dx};
  });
}

}  // namespace limbeck
