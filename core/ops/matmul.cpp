#include "core/ops/matmul.h"

#include <algorithm>

#include "core/autograd.h"
#include "core/error.h"
#include "core/kernels/gemm.h"
#include "core/parallel.h"

namespace limbeck {
namespace {

// One product for each pair of matrices, the last two dimensions of a and b.
Tensor products(const char* op, const Tensor& a, const Tensor& b, Transpose t) {
  const Index m = t.a ? a.dim(-1) : a.dim(-2);
  const Index k = t.a ? a.dim(-2) : a.dim(-1);
  const Index n = t.b ? b.dim(-2) : b.dim(-1);
  if ((t.b ? b.dim(-1) : b.dim(-2)) != k) {
    fail(op, "the inner dimensions differ: {}{} times {}{}", a.shape(), t.a ? "ᵀ" : "", b.shape(),
         t.b ? "ᵀ" : "");
  }
  Shape shape{m, n};
  for (int i = a.shape().rank() - 3; i >= 0; --i) shape = shape.with_front(a.dim(i));
  Tensor y = Tensor::empty(shape);
  const Index pairs = m * n == 0 ? 0 : y.size() / (m * n);
  constexpr Index worth_a_thread = 200'000;  // multiply-adds
  parallel_for(pairs, worth_a_thread / (m * n * k + 1) + 1,
               [=, py = y.data(), pa = a.data(), pb = b.data()](Index begin, Index end) {
                 for (Index i = begin; i < end; ++i) {
                   gemm(py + i * m * n, pa + i * m * k, pb + i * k * n,
                        {.m = m, .n = n, .k = k, .transpose_a = t.a, .transpose_b = t.b});
                 }
               });
  return record(op, y, {a, b}, {b.wants_grad() ? a : Tensor(), a.wants_grad() ? b : Tensor()},
                {{"transpose_a", t.a}, {"transpose_b", t.b}},
                [op, a, b, t](const Tensor& dy) -> Gradients {
                  Tensor da, db;
                  if (a.wants_grad()) {  // (M, N) op(b)ᵀ → (M, K), or its transpose
                    da = t.a ? products(op, b, dy, {.a = t.b, .b = true})
                             : products(op, dy, b, {.a = false, .b = !t.b});
                  }
                  if (b.wants_grad()) {  // op(a)ᵀ (M, N) → (K, N), or its transpose
                    db = t.b ? products(op, dy, a, {.a = true, .b = t.a})
                             : products(op, a, dy, {.a = !t.a, .b = false});
                  }
                  return {da, db};
                });
}

}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b, Transpose transpose) {
  if (a.shape().rank() != 2 || b.shape().rank() != 2) {
    fail("matmul", "both operands must be matrices; got {} and {}", a.shape(), b.shape());
  }
  return products("matmul", a, b, transpose);
}

Tensor batched_matmul(const Tensor& a, const Tensor& b, Transpose transpose) {
  const int rank = a.shape().rank();
  if (rank < 3 || b.shape().rank() != rank ||
      !std::equal(a.shape().begin(), a.shape().end() - 2, b.shape().begin())) {
    fail("batched_matmul",
         "both operands must be (…, rows, columns) with the same dimensions, at least one, before "
         "these two; got {} and {}",
         a.shape(), b.shape());
  }
  return products("batched_matmul", a, b, transpose);
}

}  // namespace limbeck
