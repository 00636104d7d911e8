// Convolution of images with gradients.
#pragma once

#include "core/tensor.h"
#include "core/window.h"

namespace limbeck {

// What is done to a convolution's result while it is in cache: y = max(z, 0); or that, and then the
// maximum of each 2×2 block (stride 2; an odd last row or column is left out).
enum class After { nothing, relu, relu_max_pool };

// How conv2d moves its filters.
struct ConvOptions {
  Size2d stride = 1;   // pixels from one window to the next
  Size2d padding = 0;  // zeros around the image
  Index groups = 1;    // the channels fall into this many parts, each convolved by itself
  After after{};       // what is done to the result in the same pass
};

// y = x ⋆ w + b (a correlation, as everywhere in deep learning), and what `after` says of it:
//   x (N, C_in, H, W), weight (C_out, C_in / groups, kh, kw), bias (C_out) or undefined for none
//   → (N, C_out, H_out, W_out),   H_out = (H + 2 padding − kh) / stride + 1, or half of that
// With groups = C_in = C_out every channel has a filter of its own: a depthwise convolution.
//   db[o] = Σ dy[·, o, ·, ·]     dw and dx: correlations of dy with x, and of dy with w flipped
// (LeCun, Bottou, Bengio, Haffner, "Gradient-Based Learning Applied to Document Recognition",
// Proceedings of the IEEE 1998, section II.)
// Error: images or weights that are not of rank 4, channels that do not fit each other or the
// groups, a bias of another shape, a kernel larger than the padded image.
Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias,
              const ConvOptions& options = {});

}  // namespace limbeck
