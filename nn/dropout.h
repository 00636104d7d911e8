// Dropout: random silence against co-adaptation.
#pragma once

#include "core/random.h"
#include "nn/module.h"

namespace limbeck {

// In training each element is 0 with probability p, else divided by 1 − p, so that its expectation
// stays and evaluation needs no correction: y = x m, m ∈ {0, 1/(1 − p)}, dx = dy m. Any shape.
// Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", JMLR
// 2014. The mask is the same for any number of threads, and of ranks that share a batch
// (nn/train/ranks.h). Error: p is not in [0, 1).
Tensor dropout(const Tensor& x, double p, Rng& rng);

// The same for whole channels: (N, C, H, W) → (N, C, H, W), each plane kept or dropped as one.
// Neighbouring pixels of a feature map tell nearly the same, so dropping some of them takes little
// away; dropping the plane does. Tompson et al., "Efficient Object Localization Using Convolutional
// Networks", CVPR 2015, section 3.2 (SpatialDropout). Error: also another rank than 4.
Tensor dropout2d(const Tensor& x, double p, Rng& rng);

// The layer: drops while training, and passes x on in evaluation.
class Dropout : public Module {
 public:
  // How much is dropped.
  struct Options {
    double p = 0.5;  // the probability, in [0, 1)
  };
  // Draws its masks from a fork of rng.
  Dropout(const Options& options, Rng& rng) : Dropout("Dropout", dropout, options, rng) {}

  std::string describe() const override;

 protected:
  // dropout or dropout2d.
  using Op = Tensor (*)(const Tensor& x, double p, Rng& rng);
  Dropout(const char* name, Op op, const Options& options, Rng& rng);

  Tensor forward(const Tensor& x) override;
  void parts(Parts& parts) override { parts.random("rng", rng_); }

 private:
  const char* name_;
  Op op_;
  double p_;
  Rng rng_;
};

// The layer for images: drops whole channels.
class Dropout2d : public Dropout {
 public:
  Dropout2d(const Options& options, Rng& rng) : Dropout("Dropout2d", dropout2d, options, rng) {}
};

}  // namespace limbeck
