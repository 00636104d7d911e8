// A fully connected layer as one op.
#include <algorithm>

#include "core/autograd.h"
#include "core/error.h"
#include "core/gradient_sink.h"
#include "core/kernels/product.h"
#include "core/ops/activation.h"
#include "core/ops/matmul.h"
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

// dW = dzᵀ x: (N, D_out)ᵀ (N, D_in) → (D_out, D_in). Where a sink wants it, it goes there as it is
// computed, and there is nothing to return.
Tensor weight_gradient(const Tensor& weight, const Tensor& dz, const Tensor& x) {
  const GemmSizes sizes{
      .m = weight.dim(0), .n = weight.dim(1), .k = x.shape().rows(), .transpose_a = true};
  if (const GradientSink* const sink = sink_of(weight)) {
    product_in_panels(sink->take, dz.data(), x.data(), sizes);
    return {};
  }
  Tensor dw = Tensor::empty(weight.shape());
  product(dw.data(), dz.data(), x.data(), sizes);
  return dw;
}

// (N, D) → (D), summed in double, some columns at a time.
Tensor sum_of_rows(const Tensor& dy) {
  constexpr Index together = 64;
  const Index rows = dy.shape().rows();
  const Index columns = dy.shape().last();
  Tensor db = Tensor::empty({columns});
  real* const sum = db.data();
  const real* const p = dy.data();
  parallel_for(columns, elementwise_grain / std::max<Index>(rows, 1) + 1,
               [=](Index begin, Index end) {
                 for (Index first = begin; first < end; first += together) {
                   const Index count = std::min(together, end - first);
                   double sums[together] = {};
                   for (Index row = 0; row < rows; ++row) {
                     const real* const from = p + row * columns + first;
                     for (Index j = 0; j < count; ++j) sums[j] += static_cast<double>(from[j]);
                   }
                   for (Index j = 0; j < count; ++j) sum[first + j] = static_cast<real>(sums[j]);
                 }
               });
  return db;
}

}  // namespace

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias,
              const LinearOptions& options) {
  check_linear(x, weight, bias);
  const Index n = x.shape().rows(), d_in = weight.dim(1), d_out = weight.dim(0);
  Tensor y = Tensor::empty(x.shape().with_last(d_out));
  product(y.data(), x.data(), weight.data(), {.m = n, .n = d_out, .k = d_in, .transpose_b = true},
          {.bias = bias.defined() ? bias.data() : nullptr, .relu = options.relu});
  if (!is_recorded(x, weight, bias)) return y;
  return record(options.relu ? "linear_relu" : "linear", y, {x, weight, bias},
                {weight.wants_grad() ? x : Tensor(), x.wants_grad() ? weight : Tensor(),
                 options.relu ? y : Tensor()},
                [=, out = y.detach()](const Tensor& dy) -> Gradients {
                  const Tensor dz = options.relu ? detail::relu_gradient(out, dy) : dy;
                  Tensor dx, dw, db;
                  if (x.wants_grad()) {  // dz W
                    dx = Tensor::empty(x.shape());
                    product(dx.data(), dz.data(), weight.data(), {.m = n, .n = d_in, .k = d_out});
                  }
                  if (weight.wants_grad()) dw = weight_gradient(weight, dz, x);
                  if (bias.wants_grad()) db = sum_of_rows(dz);
                  return {dx, dw, db};
                });
}

}  // namespace limbeck
