#include "core/ops/convolution.h"

#include <cstdint>
#include <memory>
#include <utility>

#include "core/autograd.h"
#include "core/error.h"
#include "core/kernels/conv_kernels.h"
#include "core/ops/exact_convolution.h"
#include "core/scratch.h"

namespace limbeck {
namespace {

ConvSizes check_sizes(const Tensor& x, const Tensor& weight, const Tensor& bias,
                      const ConvOptions& options) {
  const char* const op = "conv2d";
  if (weight.shape().rank() != 4) {
    fail(op, "the weight must be (C_out, C_in / groups, kh, kw); got {}", weight.shape());
  }
  const Window2d window{.kernel = {weight.dim(2), weight.dim(3)},
                        .stride = options.stride,
                        .padding = options.padding,
                        .dilation = options.dilation};
  const Size2d out = output_size(op, x.shape(), window);
  if (options.after == After::relu_max_pool) {  // the error of pooling by itself
    const Shape result{x.dim(0), weight.dim(0), out.height, out.width};
    output_size("max_pool2d", result, {.kernel = 2, .stride = 2, .padding = 0});
  }
  if (options.groups < 1 || x.dim(1) % options.groups != 0 || weight.dim(0) % options.groups != 0) {
    fail(op, "{} groups do not divide {} channels in and {} out", options.groups, x.dim(1),
         weight.dim(0));
  }
  if (x.dim(1) / options.groups != weight.dim(1)) {
    fail(op,
         "the images have {} channels in {} groups and the weight takes {} a group; images {}, "
         "weight {}",
         x.dim(1), options.groups, weight.dim(1), x.shape(), weight.shape());
  }
  if (bias.defined() && bias.shape() != Shape{weight.dim(0)}) {
    fail(op, "the bias must be ({}), one for each channel out; got {}", weight.dim(0),
         bias.shape());
  }
  return {.images = x.dim(0),
          .in = x.dim(1),
          .height = x.dim(2),
          .width = x.dim(3),
          .out = weight.dim(0),
          .conv_height = out.height,
          .conv_width = out.width,
          .window = window,
          .groups = options.groups,
          .relu = options.after != After::nothing,
          .pools = options.after == After::relu_max_pool};
}

// What the graph and the trace call it.
const char* name_of(After after) {
  switch (after) {
    case After::relu:
      return "conv2d_relu";
    case After::relu_max_pool:
      return "conv2d_relu_max_pool";
    case After::nothing:
      break;
  }
  return "conv2d";
}

Tensor convolution(const Tensor& x, const Tensor& weight, const Tensor& bias,
                   const ConvOptions& options, bool exact) {
  ConvSizes sizes = check_sizes(x, weight, bias, options);
  sizes.exact = exact;
  const bool recorded = is_recorded(x, weight, bias);
  Tensor y = Tensor::empty({sizes.images, sizes.out, sizes.out_height(), sizes.out_width()});
  std::shared_ptr<Scratch<std::uint8_t>> argmax;
  if (recorded && sizes.pools) argmax = std::make_shared<Scratch<std::uint8_t>>(y.size());
  const ConvForward f{.y = y.data(),
                      .argmax = argmax != nullptr ? argmax->data() : nullptr,
                      .x = x.data(),
                      .weight = weight.data(),
                      .bias = bias.defined() ? bias.data() : nullptr};
  conv_forward(f, sizes);
  if (!recorded) return y;

  return record(name_of(options.after), y, {x, weight, bias},
                {weight.wants_grad() ? x : Tensor(), x.wants_grad() ? weight : Tensor(),
                 options.after == After::nothing ? Tensor() : y},
                {{"stride", options.stride},
                 {"padding", options.padding},
                 {"dilation", options.dilation},
                 {"groups", options.groups}},
                [=, out = y.detach()](const Tensor& dy) mutable -> Gradients {
                  Tensor dx, dw, db;
                  if (x.wants_grad()) dx = Tensor::empty(x.shape());
                  if (weight.wants_grad()) dw = Tensor::empty(weight.shape());
                  if (bias.wants_grad()) db = Tensor::empty(bias.shape());
                  const auto data = [](Tensor& t) { return t.defined() ? t.data() : nullptr; };
                  const ConvBackward b{.dx = data(dx),
                                       .dweight = data(dw),
                                       .dbias = data(db),
                                       .dy = dy.data(),
                                       .y = std::as_const(out).data(),
                                       .argmax = argmax != nullptr ? argmax->data() : nullptr,
                                       .x = std::as_const(x).data(),
                                       .weight = std::as_const(weight).data()};
                  conv_backward(b, sizes);
                  return {dx, dw, db};
                });
}

}  // namespace

Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias,
              const ConvOptions& options) {
  return convolution(x, weight, bias, options, false);
}

Tensor exact_conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias,
                    const ConvOptions& options) {
  return convolution(x, weight, bias, options, true);
}

}  // namespace limbeck
