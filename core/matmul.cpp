#include "core/matmul.h"

#include "core/autograd.h"
#include "core/error.h"
#include "core/gemm.h"

namespace limbeck {

Tensor matmul(const Tensor& a, const Tensor& b, Transpose t) {
  if (a.shape().rank() != 2 || b.shape().rank() != 2) {
    fail("matmul", "both operands must be matrices; got {} and {}", a.shape(), b.shape());
  }
  const Index m = t.a ? a.dim(1) : a.dim(0);
  const Index k = t.a ? a.dim(0) : a.dim(1);
  const Index n = t.b ? b.dim(0) : b.dim(1);
  if ((t.b ? b.dim(1) : b.dim(0)) != k) {
    fail("matmul", "the inner dimensions differ: {}{} times {}{}", a.shape(), t.a ? "ᵀ" : "",
         b.shape(), t.b ? "ᵀ" : "");
  }
  Tensor y = Tensor::empty({m, n});
  gemm(y.data(), a.data(), b.data(),
       {.m = m, .n = n, .k = k, .transpose_a = t.a, .transpose_b = t.b});
  return record("matmul", y, {a, b}, [a, b, t](const Tensor& dy) -> Gradients {
    Tensor da, db;
    if (a.wants_grad()) {  // (M, N) op(b)ᵀ → (M, K), or its transpose
      da = t.a ? matmul(b, dy, {.a = t.b, .b = true}) : matmul(dy, b, {.a = false, .b = !t.b});
    }
    if (b.wants_grad()) {  // op(a)ᵀ (M, N) → (K, N), or its transpose
      db = t.b ? matmul(dy, a, {.a = true, .b = t.a}) : matmul(a, dy, {.a = !t.a, .b = false});
    }
    return {da, db};
  });
}

}  // namespace limbeck
