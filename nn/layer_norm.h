// Layer normalisation as a layer.
#pragma once

#include "nn/module.h"

namespace limbeck {

// y = weight · x̂ + bias with x̂ normalised along the last dimension (core/ops/normalize.h):
// (…, D) → (…, D), the same in training and in evaluation. Parameters weight (1 at first) and bias
// (0), both (D), as in PyTorch. Error: fewer than one feature; in a call, what layer_norm refuses.
class LayerNorm : public Module {
 public:
  // The sizes of the layer, and what layer_norm takes.
  struct Options {
    Index features = 0;  // D
    double eps = 1e-5;   // ε
  };
  explicit LayerNorm(const Options& options);

  std::string describe() const override;

  Tensor weight;  // (D)
  Tensor bias;    // (D)

 protected:
  Tensor forward(const Tensor& x) override;
  void parts(Parts& parts) override;

 private:
  double eps_;
};

}  // namespace limbeck
