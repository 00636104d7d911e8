// A network of one's own: eight layers with ways around them.
#pragma once

#include "nn/batch_norm.h"
#include "nn/conv2d.h"
#include "nn/linear.h"
#include "nn/pooling.h"
#include "nn/residual.h"
#include "nn/sequential.h"

namespace limbeck {

// After He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", 2016, made small: a
// 3×3 convolution to 16 channels, three blocks of two around which the image passes, pooled between
// them, then the mean of each plane and a layer to the logits: (N, C, H, W) → (N, classes).
inline Sequential resnet8(const Shape& image, Index classes, double dropout, Rng& rng) {
  static_cast<void>(dropout);  // it has no place for it
  const auto convolution = [&](Index in) {
    return Conv2d({.in = in, .out = 16, .kernel = 3, .padding = 1, .bias = false}, rng);
  };
  const auto norm = [] { return BatchNorm2d({.channels = 16}); };
  Sequential net(convolution(image.dim(0)), norm(), ReLU());
  for (int block = 0; block < 3; ++block) {
    if (block > 0) net.add(MaxPool2d({.kernel = 2}));
    net.add(Residual(Sequential(convolution(16), norm(), ReLU(), convolution(16), norm())));
    net.add(ReLU());
  }
  net.add(GlobalAvgPool2d()).add(Linear({.in = 16, .out = classes}, rng));
  return net;
}

}  // namespace limbeck
