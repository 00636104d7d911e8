// Choices, element by element: comparisons, which make a mask of 0 and 1, and where, which takes
// from one or the other by a mask. Shapes broadcast as in arithmetic.
//
//   where(x > 1, 1, x)                 // no element above 1
//   mean(equal(a, b))                  // the share of elements that are the same
//
// A mask is a constant: it is never recorded and wants no gradient, since a small change of an
// element changes no comparison. A comparison with NaN does not hold, as in C++, so its element of
// the mask is 0, and 1 for not_equal; a <= b is thus not the opposite of a > b.
//
// There is no ==, which everybody reads as one yes or no.
#pragma once

#include "core/tensor.h"

namespace limbeck {

Tensor operator>(const Tensor& a, const Tensor& b);   // 1 where a > b, else 0
Tensor operator>=(const Tensor& a, const Tensor& b);  // 1 where a ≥ b, else 0
Tensor operator<(const Tensor& a, const Tensor& b);   // 1 where a < b, else 0
Tensor operator<=(const Tensor& a, const Tensor& b);  // 1 where a ≤ b, else 0
Tensor equal(const Tensor& a, const Tensor& b);       // 1 where a = b, else 0; 0 equals −0
Tensor not_equal(const Tensor& a, const Tensor& b);   // 1 where a ≠ b, else 0

// y = a where the mask is not 0, else b; NaN where the mask is NaN.
//   da = dy where y is a, else 0   db = dy where y is b, else 0   (each summed over its
//   repetitions)
// The gradient is chosen, not multiplied: 0 · ∞ would be NaN. A mask that wants a gradient gets 0.
Tensor where(const Tensor& mask, const Tensor& a, const Tensor& b);

// A number takes part as a scalar of the tensors' type.
inline Tensor operator>(const Tensor& a, double b) {
  return a > Tensor::scalar(static_cast<real>(b));
}
inline Tensor operator>(double a, const Tensor& b) {
  return Tensor::scalar(static_cast<real>(a)) > b;
}
inline Tensor operator>=(const Tensor& a, double b) {
  return a >= Tensor::scalar(static_cast<real>(b));
}
inline Tensor operator>=(double a, const Tensor& b) {
  return Tensor::scalar(static_cast<real>(a)) >= b;
}
inline Tensor operator<(const Tensor& a, double b) {
  return a < Tensor::scalar(static_cast<real>(b));
}
inline Tensor operator<(double a, const Tensor& b) {
  return Tensor::scalar(static_cast<real>(a)) < b;
}
inline Tensor operator<=(const Tensor& a, double b) {
  return a <= Tensor::scalar(static_cast<real>(b));
}
inline Tensor operator<=(double a, const Tensor& b) {
  return Tensor::scalar(static_cast<real>(a)) <= b;
}
inline Tensor equal(const Tensor& a, double b) {
  return equal(a, Tensor::scalar(static_cast<real>(b)));
}
inline Tensor not_equal(const Tensor& a, double b) {
  return not_equal(a, Tensor::scalar(static_cast<real>(b)));
}
inline Tensor where(const Tensor& mask, const Tensor& a, double b) {
  return where(mask, a, Tensor::scalar(static_cast<real>(b)));
}
inline Tensor where(const Tensor& mask, double a, const Tensor& b) {
  return where(mask, Tensor::scalar(static_cast<real>(a)), b);
}
inline Tensor where(const Tensor& mask, double a, double b) {
  return where(mask, a, Tensor::scalar(static_cast<real>(b)));
}

}  // namespace limbeck
