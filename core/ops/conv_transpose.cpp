#include <utility>

#include "core/autograd.h"
#include "core/error.h"
#include "core/kernels/conv_kernels.h"
#include "core/ops/arithmetic.h"
#include "core/ops/convolution.h"
#include "core/ops/shape_ops.h"

namespace limbeck {
namespace {

constexpr const char* op = "conv_transpose2d";

// The sizes of the convolution whose way back this is: from y's shape to x's.
ConvSizes check_transposed_sizes(const Tensor& x, const Tensor& weight, const Tensor& bias,
                                 const ConvTransposeOptions& options) {
  if (x.shape().rank() != 4) fail(op, "images must be (N, C, H, W); got shape {}", x.shape());
  if (weight.shape().rank() != 4) {
    fail(op, "the weight must be (C_in, C_out, kh, kw); got {}", weight.shape());
  }
  const Window2d window{.kernel = {weight.dim(2), weight.dim(3)},
                        .stride = options.stride,
                        .padding = options.padding};
  check_window(op, window);
  if (x.dim(1) != weight.dim(0)) {
    fail(op, "the images have {} channels and the weight takes {}; images {}, weight {}", x.dim(1),
         weight.dim(0), x.shape(), weight.shape());
  }
  if (bias.defined() && bias.shape() != Shape{weight.dim(1)}) {
    fail(op, "the bias must be ({}), one for each channel out; got {}", weight.dim(1),
         bias.shape());
  }
  const auto [kernel, stride, padding, dilation] = window;
  const Size2d more = options.output_padding;
  if (more.height < 0 || more.width < 0 || more.height >= stride.height ||
      more.width >= stride.width) {
    fail(op, "output_padding must be from 0 to below the stride; got {} with a stride of {}", more,
         stride);
  }
  const Size2d out{
      (x.dim(2) - 1) * stride.height - 2 * padding.height + kernel.height + more.height,
      (x.dim(3) - 1) * stride.width - 2 * padding.width + kernel.width + more.width};
  if (x.dim(2) < 1 || x.dim(3) < 1 || out.height < 1 || out.width < 1) {
    fail(op, "a kernel of {} and a padding of {} leave nothing of images {}", kernel, padding,
         x.shape());
  }
  return {.images = x.dim(0),
          .in = weight.dim(1),
          .height = out.height,
          .width = out.width,
          .out = x.dim(1),
          .conv_height = x.dim(2),
          .conv_width = x.dim(3),
          .window = window,
          .groups = 1,
          .relu = false,
          .pools = false};
}

// dx and dweight, where they are not null, of the convolution with gradient dz of its result.
void convolve_back(real* dx, real* dweight, const Tensor& dz, const real* x, const real* weight,
                   const ConvSizes& sizes) {
  conv_backward({.dx = dx,
                 .dweight = dweight,
                 .dbias = nullptr,
                 .dy = dz.data(),
                 .y = dz.data(),  // not read: there is no relu
                 .argmax = nullptr,
                 .x = x,
                 .weight = weight},
                sizes);
}

}  // namespace

Tensor conv_transpose2d(const Tensor& x, const Tensor& weight, const Tensor& bias,
                        const ConvTransposeOptions& options) {
  const ConvSizes sizes = check_transposed_sizes(x, weight, bias, options);
  Tensor y = Tensor::empty({sizes.images, sizes.in, sizes.height, sizes.width});
  convolve_back(y.data(), nullptr, x, std::as_const(y).data(), weight.data(), sizes);
  y = record(op, y, {x, weight},
             {weight.wants_grad() ? x : Tensor(), x.wants_grad() ? weight : Tensor()},
             {{"stride", options.stride},
              {"padding", options.padding},
              {"output_padding", options.output_padding}},
             [=](const Tensor& dy) -> Gradients {
               Tensor dx, dw;
               if (x.wants_grad()) {
                 dx = Tensor::empty(x.shape());
                 conv_forward({.y = dx.data(),
                               .argmax = nullptr,
                               .x = dy.data(),
                               .weight = weight.data(),
                               .bias = nullptr},
                              sizes);
               }
               if (weight.wants_grad()) {
                 dw = Tensor::empty(weight.shape());
                 convolve_back(nullptr, dw.data(), x, dy.data(), weight.data(), sizes);
               }
               return {dx, dw};
             });
  return bias.defined() ? y + reshape(bias, {bias.size(), 1, 1}) : y;
}

}  // namespace limbeck
