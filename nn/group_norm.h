// Group and instance normalisation as layers: core/ops/normalize.h says what they compute.
#pragma once

#include "nn/module.h"

namespace limbeck {

// y = weight · x̂ + bias with x̂ normalised over each image's groups of channels: (N, C, …) →
// (N, C, …), the same in training and in evaluation, and for any number of images. Parameters
// weight (1 at first) and bias (0), both (C), as in PyTorch. Error: no channels, groups that do not
// divide them; in a call, what group_norm refuses.
class GroupNorm : public Module {
 public:
  // The sizes of the layer, and what group_norm takes.
  struct Options {
    Index groups = 0;    // into which the channels fall
    Index channels = 0;  // C
    double eps = 1e-5;   // ε
  };
  explicit GroupNorm(const Options& options);

  std::string describe() const override;  // "GroupNorm(4, 32)": groups, channels

  Tensor weight;  // (C)
  Tensor bias;    // (C)

 protected:
  Tensor forward(const Tensor& x) override;
  void parts(Parts& parts) override;

 private:
  Index groups_;
  double eps_;
};

// x̂ normalised over each channel of each image, without parameters, as PyTorch's InstanceNorm2d is
// unless asked otherwise. (With them it is a GroupNorm of as many groups as channels.)
// Error: in a call, what instance_norm refuses.
class InstanceNorm : public Module {
 public:
  explicit InstanceNorm(double eps = 1e-5) : eps_(eps) {}

  std::string describe() const override { return "InstanceNorm"; }

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  double eps_;
};

}  // namespace limbeck
