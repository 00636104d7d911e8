// Lion: an optimizer that takes the sign of a mean of gradients, so that every weight moves by the
// same amount. It remembers one number a weight, Adam two.
//
// Chen et al., "Symbolic Discovery of Optimization Algorithms", NeurIPS 2023, algorithm 2. Steps of
// size 1 are larger than Adam's usual ones: the paper takes a learning rate three to ten times
// smaller than for AdamW, and a decay as many times larger.
#pragma once

#include "core/error.h"
#include "optim/optimizer.h"

namespace limbeck {

struct LionOptions {
  double lr = 1e-4;
  double beta1 = 0.9;       // of the mean whose sign is the step
  double beta2 = 0.99;      // of the mean that is kept
  double weight_decay = 0;  // λ ≥ 0
};

// With g the gradient, w the parameter and m its momentum, at first 0:
//   u = sign(β₁ m + (1 − β₁) g)
//   w ← w − lr (u + λ w)
//   m ← β₂ m + (1 − β₂) g
// sign(0) = 0. Error: an option out of its range.
class Lion : public Optimizer {
 public:
  explicit Lion(ParameterGroups parameters, const LionOptions& options = {})
      : Optimizer(std::move(parameters), options.lr, options.weight_decay),
        options_(options),
        m_(zeros_like_parameters()) {
    for (const double beta : {options.beta1, options.beta2}) {
      if (!(beta >= 0 && beta < 1)) fail("Lion", "beta1 and beta2 must be in [0, 1); got {}", beta);
    }
  }

  // What a checkpoint keeps beside the weights: "m.0", "m.1", …
  std::vector<NamedTensor> named_state() override { return numbered("m", m_); }
  // By which a checkpoint knows whether it is the same.
  std::string describe() const override {
    return fmt::format("Lion(beta1 = {}, beta2 = {}, weight_decay = {})", options_.beta1,
                       options_.beta2, options_.weight_decay);
  }

 protected:
  // A part of parameter i, from element `begin` on: step() and minimize() call it.
  void update(std::size_t i, Index begin, std::span<const real> gradient) override {
    const auto rate = static_cast<real>(lr(i));
    const auto decay = static_cast<real>(weight_decay(i));
    const auto beta1 = static_cast<real>(options_.beta1);
    const auto beta2 = static_cast<real>(options_.beta2);
    real* const w = parameters()[i].data() + begin;
    real* const m = m_[i].data() + begin;
    for (std::size_t j = 0; j < gradient.size(); ++j) {
      const real mean = beta1 * m[j] + (1 - beta1) * gradient[j];
      const auto sign = static_cast<real>((mean > 0) - (mean < 0));
      w[j] -= rate * (sign + decay * w[j]);
      m[j] = beta2 * m[j] + (1 - beta2) * gradient[j];
    }
  }

 private:
  LionOptions options_;
  std::vector<Tensor> m_;
};

}  // namespace limbeck
