// Adam and AdamW.
#pragma once

#include "optim/optimizer.h"

namespace limbeck {

// Adam's constants.
struct AdamOptions {
  double lr = 1e-3;         // the learning rate, the largest step of a weight, roughly
  double beta1 = 0.9;       // how slowly the mean of the gradient forgets
  double beta2 = 0.999;     // and that of its square
  double eps = 1e-8;        // keeps the division finite
  double weight_decay = 0;  // λ ≥ 0
};

// Each weight has its own step size: the mean of its gradient over the root of the mean square.
//   g ← g + λ w
//   m ← β₁ m + (1 − β₁) g          v ← β₂ v + (1 − β₂) g²
//   w ← w − lr · m̂ / (√v̂ + ε),     m̂ = m / (1 − β₁ᵗ),   v̂ = v / (1 − β₂ᵗ) at step t = 1, 2, …
// m and v start at 0, and the two divisors correct for that; t counts the updates of each
// parameter, since one may get its first gradient late. Kingma and Ba, "Adam: A Method for
// Stochastic Optimization", ICLR 2015, algorithm 1; defaults as PyTorch's. One pass over memory.
// Error: an option out of its range.
class Adam : public Optimizer {
 public:
  explicit Adam(ParameterGroups parameters, const AdamOptions& options = {});

  std::vector<NamedTensor> named_state() override;  // "m.0", …, "v.0", …, "updates"
  std::string describe() const override;

 protected:
  // Where λ w comes in: into g, or beside it (AdamW).
  enum class Decay { in_gradient, decoupled };
  Adam(ParameterGroups parameters, const AdamOptions& options, Decay decay);

  void update(std::size_t i, Index begin, std::span<const real> gradient) override;

 private:
  AdamOptions options_;
  Decay decay_;
  std::vector<Tensor> m_, v_;
};

// The same with a decay that is not 0.
struct AdamWOptions {
  double lr = 1e-3;            // the learning rate
  double beta1 = 0.9;          // how slowly the mean of the gradient forgets
  double beta2 = 0.999;        // and that of its square
  double eps = 1e-8;           // keeps the division finite
  double weight_decay = 1e-2;  // λ ≥ 0
};

// Adam with the decay taken from the weight itself, w ← w − lr λ w, instead of passing through the
// division by √v̂. Loshchilov and Hutter, "Decoupled Weight Decay Regularization", ICLR 2019.
class AdamW : public Adam {
 public:
  explicit AdamW(ParameterGroups parameters, const AdamWOptions& options = {});
};

}  // namespace limbeck
