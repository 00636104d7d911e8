// RMSprop: each weight's step by the size of its recent gradients.
#pragma once

#include "optim/optimizer.h"

namespace limbeck {

// RMSprop's constants.
struct RmsPropOptions {
  double lr = 1e-2;         // the learning rate
  double alpha = 0.99;      // α: how slowly the mean square forgets
  double eps = 1e-8;        // keeps the division finite
  double weight_decay = 0;  // λ ≥ 0
  double momentum = 0;      // μ in [0, 1)
  bool centered = false;    // divides by the deviation from the mean gradient instead
};

// Adam without a mean of the gradient and without corrections, PyTorch's form:
//   g ← g + λ w
//   v ← α v + (1 − α) g²
//   b ← μ b + g / (√v + ε)
//   w ← w − lr b
// v and b start at 0, so the first step is lr / √(1 − α), ten times lr by the defaults. Centered, a
// mean ḡ ← α ḡ + (1 − α) g is kept too, and v − ḡ² stands under the root (0 where rounding makes it
// negative). Tieleman and Hinton, "Neural Networks for Machine Learning", lecture 6e, 2012;
// centered and with momentum: Graves, "Generating Sequences With Recurrent Neural Networks", 2013,
// section 4.2, with ε inside the root. Error: an option out of its range.
class RmsProp : public Optimizer {
 public:
  explicit RmsProp(ParameterGroups parameters, const RmsPropOptions& options = {});

  // "v.0", …, with momentum "b.0", …, and centered "mean.0", …
  std::vector<NamedTensor> named_state() override;
  std::string describe() const override;

 protected:
  void update(std::size_t i, Index begin, std::span<const real> gradient) override;

 private:
  RmsPropOptions options_;
  std::vector<Tensor> v_, buffers_, means_;  // b and ḡ only where they are used
};

}  // namespace limbeck
