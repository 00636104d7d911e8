// Networks to export that are no row of plain layers.
#pragma once

#include "core/autograd.h"
#include "core/ops.h"
#include "nn/batch_norm.h"
#include "nn/conv2d.h"
#include "nn/linear.h"
#include "nn/pooling.h"
#include "nn/sequential.h"

namespace limbeck::testing {

// y = relu(f(x) + s(x)), f two convolutions with batch norm, the first of them of this stride; s is
// x itself or, where the shape changes, a convolution of 1×1 with batch norm.
class ResidualStage : public Module {
 public:
  ResidualStage(Index in, Index out, Index stride, Rng& rng) {
    inner_.add(conv(in, out, 3, stride, rng)).add(BatchNorm2d({.channels = out})).add(ReLU());
    inner_.add(conv(out, out, 3, 1, rng)).add(BatchNorm2d({.channels = out}));
    if (in == out && stride == 1) return;
    shortcut_.add(conv(in, out, 1, stride, rng)).add(BatchNorm2d({.channels = out}));
  }

  std::string describe() const override { return "ResidualStage"; }

 protected:
  Tensor forward(const Tensor& x) override {
    return relu(inner_(x) + (shortcut_.size() == 0 ? x : shortcut_(x)));
  }
  void parts(Parts& parts) override {
    parts("inner", inner_);
    parts("shortcut", shortcut_);
  }

 private:
  static Conv2d conv(Index in, Index out, Index kernel, Index stride, Rng& rng) {
    return Conv2d({.in = in,
                   .out = out,
                   .kernel = kernel,
                   .stride = stride,
                   .padding = kernel / 2,
                   .bias = false},
                  rng);
  }

  Sequential inner_, shortcut_;
};

// He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", 2016, section 4.2, with
// one block in each of the three stages: 6 + 2 layers, of a quarter of its width.
inline Sequential resnet8(Index channels, Index classes, Rng& rng) {
  Sequential net(Conv2d({.in = channels, .out = 4, .kernel = 3, .padding = 1, .bias = false}, rng),
                 BatchNorm2d({.channels = 4}), ReLU());
  net.add(ResidualStage(4, 4, 1, rng)).add(ResidualStage(4, 8, 2, rng));
  net.add(ResidualStage(8, 16, 2, rng)).add(GlobalAvgPool2d());
  return std::move(net.add(Linear({.in = 16, .out = classes}, rng)));
}

// Numbers as after training: weights large enough for answers that differ, no bias at 0 nor scale
// at 1, and batch norm's statistics under way.
inline void stir(Module& network, const Tensor& images) {
  Rng rng(3);
  for (Tensor& parameter : network.parameters()) {
    for (real& x : parameter.values()) {
      x = static_cast<real>(parameter.shape().rank() == 1 ? x + rng.uniform(-0.5, 0.5) : 2.5 * x);
    }
  }
  const NoGrad no_grad;
  network(slice_rows(images, 0, images.dim(0) / 2));
  network(slice_rows(images, images.dim(0) / 3, images.dim(0)));
}

}  // namespace limbeck::testing
