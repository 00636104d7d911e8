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

Tensor add(const Tensor& a, const Tensor& b);  // y = a + b   da = dy       db = dy
Tensor sub(const Tensor& a, const Tensor& b);  // y = a − b   da = dy       db = −dy
Tensor mul(const Tensor& a, const Tensor& b);  // y = a b     da = dy b     db = dy a
Tensor div(const Tensor& a, const Tensor& b);  // y = a / b   da = dy / b   db = −dy y / b
Tensor neg(const Tensor& x);                   // y = −x      dx = −dy

inline Tensor add(const Tensor& a, real b) {
  return add(a, Tensor::scalar(b));
}
inline Tensor sub(const Tensor& a, real b) {
  return sub(a, Tensor::scalar(b));
}
inline Tensor sub(real a, const Tensor& b) {
  return sub(Tensor::scalar(a), b);
}
inline Tensor mul(const Tensor& a, real b) {
  return mul(a, Tensor::scalar(b));
}
inline Tensor div(const Tensor& a, real b) {
  return div(a, Tensor::scalar(b));
}
inline Tensor div(real a, const Tensor& b) {
  return div(Tensor::scalar(a), b);
}

inline Tensor operator+(const Tensor& a, const Tensor& b) {
  return add(a, b);
}
inline Tensor operator-(const Tensor& a, const Tensor& b) {
  return sub(a, b);
}
inline Tensor operator*(const Tensor& a, const Tensor& b) {
  return mul(a, b);
}
inline Tensor operator/(const Tensor& a, const Tensor& b) {
  return div(a, b);
}
inline Tensor operator-(const Tensor& x) {
  return neg(x);
}
inline Tensor operator+(const Tensor& a, real b) {
  return add(a, b);
}
inline Tensor operator+(real a, const Tensor& b) {
  return add(b, a);
}
inline Tensor operator-(const Tensor& a, real b) {
  return sub(a, b);
}
inline Tensor operator-(real a, const Tensor& b) {
  return sub(a, b);
}
inline Tensor operator*(const Tensor& a, real b) {
  return mul(a, b);
}
inline Tensor operator*(real a, const Tensor& b) {
  return mul(b, a);
}
inline Tensor operator/(const Tensor& a, real b) {
  return div(a, b);
}
inline Tensor operator/(real a, const Tensor& b) {
  return div(a, b);
}

// The shape that a and b broadcast to. Error, in the name of `op`: they do not fit.
Shape broadcast_shape(const char* op, const Shape& a, const Shape& b);

// Sums x over the repetitions by which `shape` was broadcast to x's shape: what the gradient of a
// broadcast input needs. Not recorded.
Tensor sum_to(const Tensor& x, const Shape& shape);

}  // namespace limbeck
