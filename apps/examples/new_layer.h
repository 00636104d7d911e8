// How to extend Limbeck: a new op with its gradient, and a new layer of it.
#pragma once

#include "core/autograd.h"
#include "core/ops.h"
#include "nn/export/onnx.h"
#include "nn/linear.h"

namespace limbeck {

// y = x s, s = sigmoid(x): (…) → (…)      dx = dy (s + y (1 − s))
inline Tensor silu(const Tensor& x) {
  Tensor y = Tensor::empty(x.shape());
  const Tensor s = sigmoid(x.detach());
  for (Index i = 0; i < x.size(); ++i) y.data()[i] = x.data()[i] * s.data()[i];
  return record("silu", y, {x}, {y}, [s, out = y.detach()](const Tensor& dy) -> Gradients {
    return {dy * (s + out * (1 - s))};
  });
}

// silu in an ONNX file: export_onnx(net, image, file, {.mappings = {{"silu", silu_in_onnx}}}).
inline std::string silu_in_onnx(OnnxBuilder& onnx, const GraphOp& op) {
  const std::string x = onnx.input(op, 0);
  return onnx.node("Mul", {x, onnx.node("Sigmoid", {x})});
}

// y = x + W₂ silu(W₁ x): (N, D) → (N, D)
class ResidualBlock : public Module {
 public:
  ResidualBlock(Index width, Rng& rng)
      : inner_({.in = width, .out = 2 * width}, rng),
        outer_({.in = 2 * width, .out = width}, rng) {}

  std::string describe() const override { return "ResidualBlock"; }

 protected:
  Tensor forward(const Tensor& x) override { return x + outer_(silu(inner_(x))); }
  void parts(Parts& parts) override {
    parts("inner", inner_);
    parts("outer", outer_);
  }

 private:
  Linear inner_, outer_;
};

}  // namespace limbeck
