// Matrix products with gradients.
#pragma once

#include "core/tensor.h"

namespace limbeck {

// Which factors of a product are transposed.
struct Transpose {
  bool a = false;  // the left
  bool b = false;  // the right
};

// y = op(a) op(b) of matrices, op transposing where asked: (M, K) (K, N) → (M, N). With no
// transposition   da = dy bᵀ   db = aᵀ dy; in the other cases the same, transposed to match.
// Error: not matrices, or inner dimensions that differ.
Tensor matmul(const Tensor& a, const Tensor& b, Transpose transpose = {});

// The same for each pair of matrices in two batches of them: (…, M, K) (…, K, N) → (…, M, N). Any
// number of dimensions may stand before the last two, and both operands have the same: those of
// attention are (N, heads). Error: none, or others, or inner dimensions that differ.
Tensor batched_matmul(const Tensor& a, const Tensor& b, Transpose transpose = {});

// What linear does beyond the product.
struct LinearOptions {
  bool relu = false;  // y = max(x Wᵀ + b, 0), in the same pass
};

// y = x Wᵀ + b, a fully connected layer in one op: x (…, D_in), weight (D_out, D_in), bias (D_out)
// or undefined for none → (…, D_out).
//   dx = dy W      dW = dyᵀ x      db = sum of dy over its rows     (with relu: dy where y > 0)
// Error: D_in differs, or the bias has another shape than (D_out).
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias,
              const LinearOptions& options = {});

}  // namespace limbeck
