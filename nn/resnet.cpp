#include "nn/resnet.h"

#include "core/error.h"
#include "core/ops/arithmetic.h"
#include "nn/dropout.h"
#include "nn/image_shape.h"
#include "nn/linear.h"
#include "nn/pooling.h"

namespace limbeck {
namespace {

// Without a bias: batch norm has one.
Conv2d convolution(Index in, Index out, Index kernel, Index stride, Rng& rng) {
  return Conv2d({.in = in,
                 .out = out,
                 .kernel = kernel,
                 .stride = stride,
                 .padding = kernel / 2,
                 .bias = false},
                rng);
}

}  // namespace

BasicBlock::BasicBlock(const Options& options, Rng& rng)
    : options_(options),
      conv1_(convolution(options.in, options.out, 3, options.stride, rng)),
      conv2_(convolution(options.out, options.out, 3, 1, rng)),
      bn1_({.channels = options.out}),
      bn2_({.channels = options.out}) {
  if (options.in == options.out && options.stride == 1) return;
  downsample_.add(convolution(options.in, options.out, 1, options.stride, rng));
  downsample_.add(BatchNorm2d({.channels = options.out}));
}

std::string BasicBlock::describe() const {
  const std::string stride =
      options_.stride == 1 ? "" : fmt::format(", stride {}", options_.stride);
  return fmt::format("BasicBlock({}, {}{})", options_.in, options_.out, stride);
}

Tensor BasicBlock::forward(const Tensor& x) {
  const Tensor change = bn2_(conv2_(relu(bn1_(conv1_(x)))));
  return relu(change + (downsample_.size() == 0 ? x : downsample_(x)));
}

void BasicBlock::parts(Parts& parts) {
  parts("conv1", conv1_);
  parts("bn1", bn1_);
  parts("conv2", conv2_);
  parts("bn2", bn2_);
  if (downsample_.size() > 0) parts("downsample", downsample_);
}

Sequential resnet(const Shape& image, Index classes, const ResNetOptions& options, Rng& rng) {
  check_image("resnet", image);
  if (options.blocks < 1) fail("resnet", "a stage has at least one block; got {}", options.blocks);
  Sequential net(convolution(image.dim(0), options.width, 3, 1, rng),
                 BatchNorm2d({.channels = options.width}), ReLU());
  Index in = options.width;
  for (const Index stage : {1, 2, 4}) {
    const Index out = stage * options.width;
    for (Index block = 0; block < options.blocks; ++block) {
      net.add(BasicBlock({.in = in, .out = out, .stride = in == out ? 1 : 2}, rng));
      in = out;
    }
  }
  net.add(GlobalAvgPool2d());
  if (options.dropout > 0) net.add(Dropout({.p = options.dropout}, rng));
  return std::move(net.add(Linear({.in = in, .out = classes}, rng)));
}

}  // namespace limbeck
