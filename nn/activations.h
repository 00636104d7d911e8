// Activations as layers: core/ops/activation.h and core/ops/softmax.h say what they compute. ReLU,
// which other layers take over, stands in nn/relu.h.
#pragma once

#include "core/error.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/softmax.h"
#include "nn/module.h"

namespace limbeck {

// y = x where x > 0, else slope · x: any shape. 0.01 is PyTorch's slope.
class LeakyReLU : public Module {
 public:
  explicit LeakyReLU(double slope = 0.01) : slope_(slope) {}
  std::string describe() const override { return fmt::format("LeakyReLU({})", slope_); }

 protected:
  Tensor forward(const Tensor& x) override { return leaky_relu(x, slope_); }

 private:
  double slope_;
};

// y = x sigmoid(x): any shape. Also called swish: Ramachandran, Zoph and Le, "Searching for
// Activation Functions", 2017.
class SiLU : public Module {
 public:
  std::string describe() const override { return "SiLU"; }

 protected:
  Tensor forward(const Tensor& x) override { return x * sigmoid(x); }
};

// y = x Φ(x), by erf: any shape.
class GELU : public Module {
 public:
  std::string describe() const override { return "GELU"; }

 protected:
  Tensor forward(const Tensor& x) override { return gelu(x); }
};

// y = 1 / (1 + e⁻ˣ): any shape.
class Sigmoid : public Module {
 public:
  std::string describe() const override { return "Sigmoid"; }

 protected:
  Tensor forward(const Tensor& x) override { return sigmoid(x); }
};

// y = tanh x: any shape.
class Tanh : public Module {
 public:
  std::string describe() const override { return "Tanh"; }

 protected:
  Tensor forward(const Tensor& x) override { return tanh(x); }
};

// y = softmax(x / T) along the last dimension: (…, C) → (…, C). Not for the end of a classifier,
// whose losses and exports take logits: for a network that is to hand on probabilities.
// Error: in a call, what softmax refuses.
class Softmax : public Module {
 public:
  explicit Softmax(double temperature = 1) : temperature_(temperature) {}
  std::string describe() const override {
    return temperature_ == 1 ? "Softmax" : fmt::format("Softmax(T {})", temperature_);
  }

 protected:
  Tensor forward(const Tensor& x) override { return softmax(x, temperature_); }

 private:
  double temperature_;
};

}  // namespace limbeck
