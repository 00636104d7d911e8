// Arithmetic of two tensors, element by element, with broadcasting; and the same with a number.
//
// Broadcasting: the shapes are aligned at their last dimensions, and a dimension that is 1 or
// missing on one side is repeated to the size on the other. So a row vector (D) or (1, D) combines
// with every row of (N, D), a column (N, 1) with every column, and a scalar () with everything:
//   (N, D) + (D) → (N, D)      (N, D) / (N, 1) → (N, D)      (N, D) * () → (N, D)
// The gradient of a repeated element is the sum over its repetitions.
// Error: two sizes that differ and neither is 1.
#pragma once

#include "core/tensor.h"

namespace limbeck {

Tensor operator+(const Tensor& a, const Tensor& b);  // y = a + b   da = dy       db = dy
Tensor operator-(const Tensor& a, const Tensor& b);  // y = a − b   da = dy       db = −dy
Tensor operator*(const Tensor& a, const Tensor& b);  // y = a b     da = dy b     db = dy a
Tensor operator/(const Tensor& a, const Tensor& b);  // y = a / b   da = dy / b   db = −dy y / b
Tensor operator-(const Tensor& x);                   // y = −x      dx = −dy

// The larger and the smaller of two. The gradient goes to the one that it is; where both are equal,
// half to each. NaN of either is passed on.
Tensor maximum(const Tensor& a, const Tensor& b);
Tensor minimum(const Tensor& a, const Tensor& b);

// A number takes part as a scalar of the tensors' type: it may be written as a double.
inline Tensor operator+(const Tensor& a, double b) {
  return a + Tensor::scalar(static_cast<real>(b));
}
inline Tensor operator+(double a, const Tensor& b) {
  return Tensor::scalar(static_cast<real>(a)) + b;
}
inline Tensor operator-(const Tensor& a, double b) {
  return a - Tensor::scalar(static_cast<real>(b));
}
inline Tensor operator-(double a, const Tensor& b) {
  return Tensor::scalar(static_cast<real>(a)) - b;
}
inline Tensor operator*(const Tensor& a, double b) {
  return a * Tensor::scalar(static_cast<real>(b));
}
inline Tensor operator*(double a, const Tensor& b) {
  return Tensor::scalar(static_cast<real>(a)) * b;
}
inline Tensor operator/(const Tensor& a, double b) {
  return a / Tensor::scalar(static_cast<real>(b));
}
inline Tensor operator/(double a, const Tensor& b) {
  return Tensor::scalar(static_cast<real>(a)) / b;
}
inline Tensor maximum(const Tensor& a, double b) {
  return maximum(a, Tensor::scalar(static_cast<real>(b)));
}
inline Tensor minimum(const Tensor& a, double b) {
  return minimum(a, Tensor::scalar(static_cast<real>(b)));
}

// The shape that a and b broadcast to. Error, in the name of `op`: they do not fit.
Shape broadcast_shape(const char* op, const Shape& a, const Shape& b);

// Sums x over the repetitions by which `shape` was broadcast to x's shape: what the gradient of a
// broadcast input needs. Not recorded.
Tensor sum_to(const Tensor& x, const Shape& shape);

}  // namespace limbeck
