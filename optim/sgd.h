// Stochastic gradient descent, with momentum.
#pragma once

#include "optim/optimizer.h"

namespace limbeck {

// SGD's constants.
struct SgdOptions {
  double lr = 1e-3;         // the learning rate
  double momentum = 0;      // μ in [0, 1)
  bool nesterov = false;    // needs momentum
  double weight_decay = 0;  // λ ≥ 0
};

// With g the gradient, w the parameter and b its momentum buffer, PyTorch's form:
//   g ← g + λ w
//   b ← μ b + g                      (b = g at the first step)
//   w ← w − lr b                     or, with Nesterov,  w ← w − lr (g + μ b)
// Sutskever, Martens, Dahl, Hinton, "On the importance of initialization and momentum in deep
// learning", ICML 2013. Error: an option out of its range.
class Sgd : public Optimizer {
 public:
  Sgd(ParameterGroups parameters, const SgdOptions& options);

  std::vector<NamedTensor> named_state() override { return numbered("b", buffers_); }
  std::string describe() const override;

 protected:
  void update(std::size_t i, Index begin, std::span<const real> gradient) override;

 private:
  SgdOptions options_;
  std::vector<Tensor> buffers_;  // b; none without momentum
};

}  // namespace limbeck
