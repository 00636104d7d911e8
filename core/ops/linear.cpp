#include <algorithm>
#include <optional>
#include <utility>

#include "core/autograd.h"
#include "core/error.h"
#include "core/kernels/banded_product.h"
#include "core/kernels/gemm.h"
#include "core/kernels/plain.h"
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

// Batches for which the products below are faster than BLAS's: large enough to fill registers, not
// so large that laying out both operands pays.
bool is_middling(Index n) {
  return n >= 16 && n <= 256 && !plain_kernels();
}

// Calls body(first, count) for parts of a product's rows, in parallel if each has enough to do.
template <class Body>
void for_row_parts(Index rows, Index multiply_adds_a_row, const Body& body) {
  constexpr Index worth_a_thread = 500'000;  // multiply-adds: some 10 µs
  constexpr Index together = tile_rows;      // rows that a product works on at once
  const Index groups = (rows + together - 1) / together;
  parallel_for(groups, worth_a_thread / (together * multiply_adds_a_row + 1) + 1,
               [&](Index begin, Index end) {
                 const Index first = begin * together;
                 body(first, std::min(end * together, rows) - first);
               });
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

// y = x Wᵀ + b, and max(y, 0) if asked: (N, D_in) (D_out, D_in)ᵀ → (N, D_out).
void forward(Tensor& y, const Tensor& x, const Tensor& weight, const Tensor& bias, bool relu) {
  const Index n = x.shape().rows(), d_in = weight.dim(1), d_out = weight.dim(0);
  const ProductEnd end{.bias = bias.defined() ? bias.data() : nullptr, .relu = relu};
  if (!is_middling(n)) {
    if (bias.defined()) fill_rows(y, bias);
    gemm(y.data(), x.data(), weight.data(),
         {.m = n, .n = d_out, .k = d_in, .transpose_b = true, .accumulate = bias.defined()});
    if (relu) rectify(y);
  } else if (n <= d_out) {  // as W xᵀ, written transposed: the batch is laid out
    const Bands batch = Bands::packed_transposed(x.data(), d_in, n, d_in);
    for_row_parts(d_out, n * d_in, [&](Index first, Index count) {
      banded_product_transposed(
          y.data() + first, d_out,
          {.data = weight.data() + first * d_in, .rows = count, .row = d_in, .column = 1}, batch,
          {.bias = end.bias != nullptr ? end.bias + first : nullptr, .relu = relu});
    });
  } else {
    const Bands weights = Bands::packed_transposed(weight.data(), d_in, d_out, d_in);
    for_row_parts(n, d_out * d_in, [&](Index first, Index count) {
      banded_product(y.data() + first * d_out, d_out,
                     {.data = x.data() + first * d_in, .rows = count, .row = d_in, .column = 1},
                     weights, end);
    });
  }
}

// dx = dz W: (N, D_out) (D_out, D_in) → (N, D_in). In the middle as Wᵀ dzᵀ, written transposed.
Tensor input_gradient(const Tensor& weight, const Tensor& dz, const Shape& shape) {
  const Index n = dz.shape().rows(), d_in = weight.dim(1), d_out = weight.dim(0);
  Tensor dx = Tensor::empty(shape);
  if (!is_middling(n)) {
    gemm(dx.data(), dz.data(), weight.data(), {.m = n, .n = d_in, .k = d_out});
    return dx;
  }
  const Bands batch = Bands::packed_transposed(dz.data(), d_out, n, d_out);
  for_row_parts(d_in, n * d_out, [&](Index first, Index count) {
    banded_product_transposed(
        dx.data() + first, d_in,
        {.data = weight.data() + first, .rows = count, .row = 1, .column = d_in}, batch);
  });
  return dx;
}

// dW = dzᵀ x: (N, D_out)ᵀ (N, D_in) → (D_out, D_in).
class WeightGradient {
 public:
  WeightGradient(const Tensor& weight, const Tensor& dz, const Tensor& x)
      : dz_(dz.data()),
        x_(x.data()),
        n_(dz.shape().rows()),
        d_out_(weight.dim(0)),
        d_in_(weight.dim(1)),
        bands_(bands(x)) {}

  // Rows [first, first + count) of it; `next` as banded_product has it.
  void rows(real* dw, Index first, Index count, ReadNext next = {}) const {
    if (bands_) {
      banded_product(dw, d_in_, {.data = dz_ + first, .rows = count, .row = 1, .column = d_out_},
                     *bands_, {}, next);
    } else {
      gemm(dw, dz_ + first, x_,
           {.m = count, .n = d_in_, .k = n_, .transpose_a = true, .a_row = d_out_});
    }
  }

 private:
  std::optional<Bands> bands(const Tensor& x) const {
    constexpr Index worth_packing = 128;  // rows of W
    if (!is_middling(n_)) return {};
    return d_out_ < worth_packing ? Bands::in_place(x.data(), n_, d_in_, d_in_)
                                  : Bands::packed(x.data(), n_, d_in_, d_in_);
  }

  const real* dz_;
  const real* x_;
  Index n_, d_out_, d_in_;
  std::optional<Bands> bands_;
};

// The gradient. Where a sink wants it, a panel of rows at a time, which is still in cache when the
// sink takes it: then there is nothing to return.
Tensor weight_gradient(const Tensor& weight, const Tensor& dz, const Tensor& x) {
  const Index n = x.shape().rows(), d_out = weight.dim(0), d_in = weight.dim(1);
  const WeightGradient gradient(weight, dz, x);
  const GradientSink* const sink = sink_of(weight);
  if (sink == nullptr) {
    Tensor dw = Tensor::empty(weight.shape());
    if (is_middling(n)) {
      for_row_parts(d_out, n * d_in, [&](Index first, Index count) {
        gradient.rows(dw.data() + first * d_in, first, count);
      });
    } else {
      gradient.rows(dw.data(), 0, d_out);
    }
    return dw;
  }
  const Index panel_elements = is_middling(n) ? 24 * 1024 : 128 * 1024;
  const Index most = std::max<Index>(panel_elements / (tile_rows * d_in + 1), 1) * tile_rows;
  constexpr Index taking = 16;  // multiply-adds that take as long as taking an element, about
  for_row_parts(d_out, (n + taking) * d_in, [&](Index begin, Index all) {
    Tensor panel = Tensor::empty({most, d_in});
    for (Index first = begin; first < begin + all; first += most) {
      const Index rows = std::min(most, begin + all - first);
      std::vector<const real*> reads = sink->reads;
      for (const real*& array : reads) array += first * d_in;
      gradient.rows(panel.data(), first, rows, reads);
      sink->take(first * d_in,
                 std::as_const(panel).values().first(static_cast<std::size_t>(rows * d_in)));
    }
  });
  return {};
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
  Tensor y = Tensor::empty(x.shape().with_last(weight.dim(0)));
  forward(y, x, weight, bias, options.relu);
  if (!is_recorded(x, weight, bias)) return y;
  return record(options.relu ? "linear_relu" : "linear", y, {x, weight, bias},
                {weight.wants_grad() ? x : Tensor(), x.wants_grad() ? weight : Tensor(),
                 options.relu ? y : Tensor()},
                [=, out = y.detach()](const Tensor& dy) -> Gradients {
                  const Tensor dz = options.relu ? detail::relu_gradient(out, dy) : dy;
                  Tensor dx, dw, db;
                  if (x.wants_grad()) dx = input_gradient(weight, dz, x.shape());
                  if (weight.wants_grad()) dw = weight_gradient(weight, dz, x);
                  if (bias.wants_grad()) db = sum_of_rows(dz);
                  return {dx, dw, db};
                });
}

}  // namespace limbeck
