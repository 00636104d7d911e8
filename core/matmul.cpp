#include "core/matmul.h"

#include <algorithm>

#include "core/autograd.h"
#include "core/error.h"
#include "core/gemm.h"
#include "core/parallel.h"

namespace limbeck {
namespace {

void check_linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  if (weight.shape().rank() != 2) {
    fail("linear", "the weight must be (D_out, D_in); got {}", weight.shape());
  }
  if (x.shape().rank() == 0 || x.dim(-1) != weight.dim(1)) {
    fail("linear", "the input has {} features and the layer takes {}; input {}, weight {}",
         x.shape().last(), weight.dim(1), x.shape(), weight.shape());
  }
  if (bias.defined() && bias.shape() != Shape{weight.dim(0)}) {
    fail("linear", "the bias must be ({}), one for each output; got {}, weight {}", weight.dim(0),
         bias.shape(), weight.shape());
  }
}

// Every row of y becomes the bias: the product is then added to it, which costs nothing, since BLAS
// passes over y to clear it anyway.
void fill_rows(Tensor& y, const Tensor& bias) {
  const Index columns = bias.size();
  real* out = y.data();
  const real* b = bias.data();
  parallel_for(y.shape().rows(), elementwise_grain / std::max<Index>(columns, 1) + 1,
               [=](Index begin, Index end) {
                 for (Index row = begin; row < end; ++row) {
                   std::copy(b, b + columns, out + row * columns);
                 }
               });
}

void rectify(Tensor& y) {
  parallel_for(y.size(), elementwise_grain, [p = y.data()](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) p[i] = std::max(p[i], real{0});
  });
}

// dy where y > 0, else 0.
Tensor where_positive(const Tensor& y, const Tensor& dy) {
  Tensor dz = Tensor::empty(dy.shape());
  parallel_for(dy.size(), elementwise_grain,
               [pz = dz.data(), py = y.data(), pd = dy.data()](Index begin, Index end) {
                 for (Index i = begin; i < end; ++i) pz[i] = py[i] > 0 ? pd[i] : real{0};
               });
  return dz;
}

// (N, D) → (D)
Tensor sum_of_rows(const Tensor& dy) {
  const Index rows = dy.shape().rows();
  const Index columns = dy.shape().last();
  Tensor db = Tensor::zeros({columns});
  real* sum = db.data();
  const real* p = dy.data();
  parallel_for(columns, elementwise_grain / std::max<Index>(rows, 1) + 1,
               [=](Index begin, Index end) {
                 for (Index row = 0; row < rows; ++row) {
                   for (Index j = begin; j < end; ++j) sum[j] += p[row * columns + j];
                 }
               });
  return db;
}

// dW = dzᵀ x: (N, D_out)ᵀ (N, D_in) → (D_out, D_in). Where a sink wants it, a panel of rows at a
// time, which is still in cache when the sink takes it: then there is nothing to return.
Tensor weight_gradient(const Tensor& weight, const Tensor& dz, const Tensor& x) {
  const Index n = x.shape().rows(), d_out = weight.dim(0), d_in = weight.dim(1);
  const GradientSink* const sink = sink_of(weight);
  constexpr Index panel_elements = 128 * 1024;
  if (sink == nullptr || weight.size() < 2 * panel_elements) {
    Tensor dw = Tensor::empty(weight.shape());
    gemm(dw.data(), dz.data(), x.data(), {.m = d_out, .n = d_in, .k = n, .transpose_a = true});
    return dw;
  }
  const Index most = std::max<Index>(panel_elements / d_in, 1);
  const Index panels = (d_out + most - 1) / most;
  parallel_for(panels, 1, [&](Index begin, Index end) {
    Tensor panel = Tensor::empty({most, d_in});
    for (Index p = begin; p < end; ++p) {
      const Index first = d_out * p / panels, rows = d_out * (p + 1) / panels - first;
      gemm(panel.data(), dz.data() + first, x.data(),
           {.m = rows, .n = d_in, .k = n, .transpose_a = true, .a_row = d_out});
      sink->take(first * d_in,
                 std::as_const(panel).values().first(static_cast<std::size_t>(rows * d_in)));
    }
  });
  return {};
}

}  // namespace

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

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias,
              const LinearOptions& options) {
  check_linear(x, weight, bias);
  const Index n = x.shape().rows();
  const Index d_in = weight.dim(1);
  const Index d_out = weight.dim(0);
  Tensor y = Tensor::empty(x.shape().with_last(d_out));
  if (bias.defined()) fill_rows(y, bias);
  gemm(y.data(), x.data(), weight.data(),  // (N, D_in) (D_out, D_in)ᵀ → (N, D_out)
       {.m = n, .n = d_out, .k = d_in, .transpose_b = true, .accumulate = bias.defined()});
  if (options.relu) rectify(y);
  if (!is_recorded(x, weight, bias)) return y;
  return record("linear", y, {x, weight, bias},
                [=, out = y.detach()](const Tensor& dy) -> Gradients {
                  const Tensor dz = options.relu ? where_positive(out, dy) : dy;
                  Tensor dx, dw, db;
                  if (x.wants_grad()) {  // (N, D_out) (D_out, D_in) → (N, D_in)
                    dx = Tensor::empty(x.shape());
                    gemm(dx.data(), dz.data(), weight.data(), {.m = n, .n = d_in, .k = d_out});
                  }
                  if (weight.wants_grad()) dw = weight_gradient(weight, dz, x);
                  if (bias.wants_grad()) db = sum_of_rows(dz);
                  return {dx, dw, db};
                });
}

}  // namespace limbeck
