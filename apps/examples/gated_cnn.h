// A network of one's own: convolutions whose channels pass through gates.
#pragma once

#include "apps/examples/squeeze_excitation.h"
#include "nn/batch_norm.h"
#include "nn/conv2d.h"
#include "nn/dropout.h"
#include "nn/pooling.h"
#include "nn/sequential.h"

namespace limbeck {

// Three times a 3×3 convolution with batch norm, ReLU, gates (squeeze_excitation.h) and pooling, to
// 16, 32 and 32 channels, then the mean of each plane and a layer to the logits: (N, C, H, W) →
// (N, classes). Images need 8 × 8 pixels.
inline Sequential gated_cnn(const Shape& image, Index classes, double dropout, Rng& rng) {
  Sequential net;
  Index in = image.dim(0);
  for (const Index out : {16, 32, 32}) {
    net.add(Conv2d({.in = in, .out = out, .kernel = 3, .padding = 1, .bias = false}, rng));
    net.add(BatchNorm2d({.channels = out})).add(ReLU());
    net.add(SqueezeExcitation({.channels = out}, rng)).add(MaxPool2d({.kernel = 2}));
    in = out;
  }
  net.add(GlobalAvgPool2d());
  if (dropout > 0) net.add(Dropout({.p = dropout}, rng));
  net.add(Linear({.in = in, .out = classes}, rng));
  return net;
}

}  // namespace limbeck
