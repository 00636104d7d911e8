// SqueezeExcitation: a layer that weighs the channels of an image by what the whole image shows.
//
// A convolution sees a few pixels at a time, and each of its channels counts the same whatever the
// rest of the image is. Here every channel is squeezed to one number, its mean; two small layers
// turn these C numbers into C gates between 0 and 1; and each channel is multiplied by its gate.
// Hu, Shen and Sun, "Squeeze-and-Excitation Networks", CVPR 2018, section 3.
#pragma once

#include "core/error.h"
#include "core/ops.h"
#include "nn/linear.h"

namespace limbeck {

// With s = mean of x over its pixels (N, C) and g = sigmoid(W₂ relu(W₁ s + b₁) + b₂) (N, C):
//   y = g x, a gate for each image and channel: (N, C, H, W) → (N, C, H, W)
// W₁ (C / r, C), W₂ (C, C / r); the reduction r ≥ 1 keeps the two small.
// The gradient is that of the ops it is made of. Error: r does not divide C.
class SqueezeExcitation : public Module {
 public:
  struct Options {
    Index channels = 0;   // C
    Index reduction = 4;  // r
  };
  SqueezeExcitation(const Options& options, Rng& rng)
      : squeeze_({.in = options.channels, .out = narrow(options)}, rng),
        excite_({.in = narrow(options), .out = options.channels}, rng) {}

  std::string describe() const override {
    return fmt::format("SqueezeExcitation({}, {})", excite_.weight.dim(0), excite_.weight.dim(1));
  }

  // (N, C, H, W) → (N, C), each in (0, 1)
  Tensor gates(const Tensor& x) { return sigmoid(excite_(relu(squeeze_(global_avg_pool2d(x))))); }

 protected:
  Tensor forward(const Tensor& x) override {
    return x * reshape(gates(x), {x.dim(0), x.dim(1), 1, 1});  // one gate for all pixels
  }
  void parts(Parts& parts) override {
    parts("squeeze", squeeze_);
    parts("excite", excite_);
  }

 private:
  static Index narrow(const Options& options) {
    if (options.reduction < 1 || options.channels % options.reduction != 0) {
      fail("SqueezeExcitation", "reduction must divide the number of channels; got {} and {}",
           options.reduction, options.channels);
    }
    return options.channels / options.reduction;
  }

  Linear squeeze_, excite_;
};

}  // namespace limbeck
