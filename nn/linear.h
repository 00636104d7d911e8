// Linear: the fully connected layer.
#pragma once

#include "core/random.h"
#include "nn/module.h"

namespace limbeck {

// y = x Wᵀ + b: (…, D_in) → (…, D_out). Parameters: weight (D_out, D_in), bias (D_out).
// Both begin uniform in ±1/√D_in, as PyTorch's Linear does: kaiming_uniform with gain 1/√3.
// Error: a size below 1.
class Linear : public Module {
 public:
  // The sizes of the layer.
  struct Options {
    Index in = 0;      // D_in
    Index out = 0;     // D_out
    bool bias = true;  // whether there is a b
  };
  Linear(const Options& options, Rng& rng);

  std::string describe() const override;
  Index multiply_adds(const Shape& output) const override;

  Tensor weight;  // (D_out, D_in)
  Tensor bias;    // (D_out), or undefined

 protected:
  Tensor forward(const Tensor& x) override;
  void parts(Parts& parts) override;
};

}  // namespace limbeck
