// Conv2d: the convolutional layer.
#pragma once

#include "core/ops/convolution.h"
#include "core/random.h"
#include "nn/module.h"

namespace limbeck {

// y = x ⋆ W + b: (N, C_in, H, W) → (N, C_out, H_out, W_out), as core/ops/convolution.h defines it.
// Parameters: weight (C_out, C_in / groups, kh, kw), bias (C_out). Both begin uniform in ±1/√fan_in
// with fan_in = C_in / groups · kh · kw, as PyTorch's Conv2d does. With groups = in = out it is
// depthwise; followed by a 1×1 convolution, separable (Howard et al., "MobileNets", 2017).
// Error: a size below 1, groups that do not divide both numbers of channels.
class Conv2d : public Module {
 public:
  // The sizes of the layer.
  struct Options {
    Index in = 0;         // C_in
    Index out = 0;        // C_out
    Size2d kernel = 1;    // (kh, kw)
    Size2d stride = 1;    // pixels from one window to the next
    Size2d padding = 0;   // zeros around the image
    Size2d dilation = 1;  // pixels from one that a window sees to the next
    Index groups = 1;     // parts of the channels, each convolved by itself
    bool bias = true;     // whether there is a b
  };
  Conv2d(const Options& options, Rng& rng);

  std::string describe() const override;
  Index multiply_adds(const Shape& output) const override;
  const Options& options() const { return options_; }  // as they were given

  Tensor weight;  // (C_out, C_in / groups, kh, kw)
  Tensor bias;    // (C_out), or undefined

 protected:
  Tensor forward(const Tensor& x) override;
  void parts(Parts& parts) override;

 private:
  Options options_;
};

}  // namespace limbeck
