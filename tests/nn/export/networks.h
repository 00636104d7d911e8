// Networks to export that are no row of plain layers.
#pragma once

#include "core/autograd.h"
#include "core/ops.h"
#include "nn/batch_norm.h"
#include "nn/conv2d.h"
#include "nn/linear.h"
#include "nn/pooling.h"
#include "nn/resnet.h"

namespace limbeck::testing {

// A residual network of 6 + 2 layers, a quarter of the usual width.
inline Sequential resnet8(Index channels, Index classes, Rng& rng) {
  return resnet({channels, 16, 16}, classes, {.width = 4}, rng);
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
