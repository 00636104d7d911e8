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
  Size2d stride = 1;    // pixels from one window to the next
  Size2d padding = 0;   // zeros around the image
  Size2d dilation = 1;  // pixels from one that a window sees to the next
  Index groups = 1;     // the channels fall into this many parts, each convolved by itself
  After after{};        // what is done to the result in the same pass
};

// y = x ⋆ w + b (a correlation, as everywhere in deep learning), and what `after` says of it:
//   x (N, C_in, H, W), weight (C_out, C_in / groups, kh, kw), bias (C_out) or undefined for none
//   → (N, C_out, H_out, W_out),   H_out = (H + 2 padding − kh) / stride + 1, or half of that
// With a dilation d the kernel's places lie d pixels apart, and d (kh − 1) + 1 is kh in that
// formula: it sees far with few weights (Yu and Koltun, "Multi-Scale Context Aggregation by Dilated
// Convolutions", 2016).
// With groups = C_in = C_out every channel has a filter of its own: a depthwise convolution.
//   db[o] = Σ dy[·, o, ·, ·]     dw and dx: correlations of dy with x, and of dy with w flipped
// (LeCun, Bottou, Bengio, Haffner, "Gradient-Based Learning Applied to Document Recognition",
// Proceedings of the IEEE 1998, section II.)
// Error: images or weights that are not of rank 4, channels that do not fit each other or the
// groups, a bias of another shape, a dilation below 1, a kernel larger than the padded image.
Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias,
              const ConvOptions& options = {});

// How conv_transpose2d moves its filters.
struct ConvTransposeOptions {
  Size2d stride = 1;          // pixels of y from one pixel of x to the next
  Size2d padding = 0;         // pixels that are left out all around
  Size2d output_padding = 0;  // pixels more below and on the right, fewer than the stride
};

// What conv2d of this stride and padding does to the gradient of its result: each pixel of x adds
// itself, times the filter, to a window of y (Zeiler, Krishnan, Taylor and Fergus, "Deconvolutional
// Networks", 2010; it enlarges images where a convolution makes them smaller):
//   x (N, C_in, H, W), weight (C_in, C_out, kh, kw), bias (C_out) or undefined for none
//   → (N, C_out, H_out, W_out),   H_out = (H − 1) stride − 2 padding + kh + output_padding
//   y[n, o, i · stride − padding + p, j · stride − padding + q] += x[n, c, i, j] · w[c, o, p, q]
// A convolution that rounds its size down makes the same of several sizes; output_padding says from
// which. The weight is laid out as PyTorch's, and as that of the convolution the other way.
//   dx = conv2d of dy     dw = conv2d's, with dy as its input and x as its result's gradient
// Error: images or weights that are not of rank 4, channels that do not fit, a bias of another
// shape, an output_padding that is negative or not below the stride, or nothing left of y.
Tensor conv_transpose2d(const Tensor& x, const Tensor& weight, const Tensor& bias,
                        const ConvTransposeOptions& options = {});

}  // namespace limbeck
