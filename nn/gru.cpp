#include "nn/gru.h"

#include <cmath>
#include <vector>

#include "core/error.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/matmul.h"
#include "core/ops/shape_ops.h"
#include "core/ops/slice.h"

namespace limbeck {
namespace {

void check_sequences(const char* op, const Tensor& x) {
  if (x.shape().rank() != 3 || x.dim(1) == 0) {
    fail(op, "the input must be (N, L, D), of at least one step; got {}", x.shape());
  }
}

}  // namespace

GRUCell::GRUCell(const Options& options, Rng& rng) {
  const Index in = options.in, out = options.out;
  if (in < 1 || out < 1) fail("GRUCell", "in and out must be at least 1; got {} and {}", in, out);
  const double bound = 1 / std::sqrt(static_cast<double>(out));
  const auto fresh = [&](const Shape& shape) {
    return uniform(shape, -bound, bound, rng).requires_grad();
  };
  weight_ih = fresh({3 * out, in});
  weight_hh = fresh({3 * out, out});
  if (!options.bias) return;
  bias_ih = fresh({3 * out});
  bias_hh = fresh({3 * out});
}

std::string GRUCell::describe() const {
  return fmt::format("GRUCell({}, {}{})", weight_ih.dim(1), weight_hh.dim(1),
                     bias_ih.defined() ? "" : ", no bias");
}

Index GRUCell::multiply_adds(const Shape& output) const {
  return 3 * output.size() * (weight_ih.dim(1) + weight_hh.dim(1));
}

Tensor GRUCell::from_input(const Tensor& x) {
  return linear(x, weight_ih, bias_ih);
}

Tensor GRUCell::step_from(const Tensor& from_x, const Tensor& h) {
  const Index size = weight_hh.dim(1);  // H
  if (h.shape().rank() != 2 || h.dim(1) != size || from_x.shape() != Shape{h.dim(0), 3 * size}) {
    fail("GRUCell", "the state must be (N, {}) for N inputs; got {}, and {} of the inputs", size,
         h.shape(), from_x.shape());
  }
  const Tensor from_h = linear(h, weight_hh, bias_hh);  // (N, 3H)
  const Tensor gates = sigmoid(slice(from_x, 1, 0, 2 * size) + slice(from_h, 1, 0, 2 * size));
  const Tensor r = slice(gates, 1, 0, size), z = slice(gates, 1, size, 2 * size);
  const Tensor n =
      tanh(slice(from_x, 1, 2 * size, 3 * size) + r * slice(from_h, 1, 2 * size, 3 * size));
  return (1 - z) * n + z * h;
}

Tensor GRUCell::forward(const Tensor& x) {
  const Tensor from_x = from_input(x);
  return step_from(from_x, Tensor::zeros({from_x.shape().rows(), weight_hh.dim(1)}));
}

void GRUCell::parts(Parts& parts) {
  parts("weight_ih", weight_ih);
  parts("weight_hh", weight_hh);
  parts("bias_ih", bias_ih);
  parts("bias_hh", bias_hh);
}

Tensor GRU::run(const Tensor& x, const Tensor& h) {
  check_sequences("GRU", x);
  const Tensor from_x = cell.from_input(x);  // (N, L, 3H)
  Tensor state = h;
  std::vector<Tensor> states;
  for (Index step = 0; step < x.dim(1); ++step) {
    const Tensor now = slice(from_x, 1, step, step + 1);  // (N, 1, 3H)
    state = cell.step_from(reshape(now, {x.dim(0), from_x.dim(2)}), state);
    states.push_back(state);
  }
  return stack(states, 1);
}

std::string GRU::describe() const {
  return fmt::format("GRU({}, {}{})", cell.weight_ih.dim(1), cell.weight_hh.dim(1),
                     cell.bias_ih.defined() ? "" : ", no bias");
}

Tensor GRU::forward(const Tensor& x) {
  check_sequences("GRU", x);
  return run(x, Tensor::zeros({x.dim(0), cell.weight_hh.dim(1)}));
}

void GRU::parts(Parts& parts) {
  parts("weight_ih_l0", cell.weight_ih);
  parts("weight_hh_l0", cell.weight_hh);
  parts("bias_ih_l0", cell.bias_ih);
  parts("bias_hh_l0", cell.bias_hh);
}

Tensor last_step(const Tensor& x) {
  check_sequences("last_step", x);
  return reshape(slice(x, 1, x.dim(1) - 1, x.dim(1)), {x.dim(0), x.dim(2)});
}

}  // namespace limbeck
