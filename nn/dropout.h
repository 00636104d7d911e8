// Dropout: random silence against co-adaptation.
#pragma once

#include "core/random.h"
#include "nn/module.h"

namespace limbeck {

// In training each element is 0 with probability p, else divided by 1 − p, so that its expectation
// stays and evaluation needs no correction: y = x m, m ∈ {0, 1/(1 − p)}, dx = dy m. Any shape.
// Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", JMLR
// 2014. The mask is the same for any number of threads. Error: p is not in [0, 1).
Tensor dropout(const Tensor& x, double p, Rng& rng);

// The layer: drops while training, and passes x on in evaluation.
class Dropout : public Module {
 public:
  struct Options {
    double p = 0.5;
  };
  // Draws its masks from a fork of rng.
  Dropout(const Options& options, Rng& rng);

  std::string describe() const override;

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  double p_;
  Rng rng_;
};

}  // namespace limbeck
