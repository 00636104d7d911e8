#include "nn/models.h"

#include "core/error.h"
#include "nn/batch_norm.h"
#include "nn/conv2d.h"
#include "nn/dropout.h"
#include "nn/image_shape.h"
#include "nn/linear.h"
#include "nn/pooling.h"

namespace limbeck {
namespace {

struct Stage {
  Index channels;
  bool pool;
};

struct Stages {
  const char* name;  // of the network
  std::vector<Stage> list;
  Index hidden = 0;  // units of a layer between them and the logits; 0: there is none
};

// Batch norm and ReLU.
void add_norm(Sequential& net, Index channels) {
  net.add(BatchNorm2d({.channels = channels})).add(ReLU());
}

// For each stage a 3×3 convolution with batch norm and ReLU, pooled where it says so; the bias is
// the batch norm's.
Sequential normalised_cnn(const Stages& stages, const Shape& image, Index classes, double dropout,
                          Rng& rng) {
  check_image(stages.name, image, 16);
  Sequential net;
  Index in = image.dim(0), height = image.dim(1), width = image.dim(2);
  for (const auto& [out, pool] : stages.list) {
    net.add(Conv2d({.in = in, .out = out, .kernel = 3, .padding = 1, .bias = false}, rng));
    add_norm(net, out);
    in = out;
    if (!pool) continue;
    net.add(MaxPool2d({.kernel = 2}));
    height /= 2, width /= 2;
  }
  net.add(Flatten());
  Index features = in * height * width;
  if (stages.hidden > 0) {
    net.add(Linear({.in = features, .out = stages.hidden}, rng)).add(ReLU());
    features = stages.hidden;
  }
  if (dropout > 0) net.add(Dropout({.p = dropout}, rng));
  net.add(Linear({.in = features, .out = classes}, rng));
  return net;
}

}  // namespace

Sequential mlp(const std::vector<Index>& widths, const MlpOptions& options, Rng& rng) {
  if (widths.size() < 2) {
    fail("mlp", "at least the widths of input and output are needed; got {}", widths.size());
  }
  Sequential net;
  net.add(Flatten());
  if (options.input_dropout > 0) net.add(Dropout({.p = options.input_dropout}, rng));
  for (std::size_t i = 0; i + 1 < widths.size(); ++i) {
    net.add(Linear({.in = widths[i], .out = widths[i + 1]}, rng));
    const bool hidden = i + 2 < widths.size();
    if (hidden) net.add(ReLU());
    if (hidden && options.dropout > 0) net.add(Dropout({.p = options.dropout}, rng));
  }
  return net;
}

Sequential cnn(const Shape& image, Index classes, const CnnOptions& options, Rng& rng) {
  check_image("cnn", image);
  if (options.channels.empty()) fail("cnn", "at least one number of channels is needed");
  Sequential net;
  Index in = image.dim(0), height = image.dim(1), width = image.dim(2);
  for (const Index out : options.channels) {
    net.add(Conv2d({.in = in, .out = out, .kernel = 5, .padding = 2}, rng));
    net.add(ReLU()).add(MaxPool2d({.kernel = 2}));
    in = out, height /= 2, width /= 2;
  }
  if (height == 0 || width == 0) {
    fail("cnn", "{} poolings leave nothing of images {}", options.channels.size(), image);
  }
  net.add(Flatten()).add(Linear({.in = in * height * width, .out = options.hidden}, rng));
  net.add(ReLU());
  if (options.dropout > 0) net.add(Dropout({.p = options.dropout}, rng));
  net.add(Linear({.in = options.hidden, .out = classes}, rng));
  return net;
}

Sequential lenet5(const Shape& image, Index classes, double dropout, Rng& rng) {
  check_image("lenet5", image, 16);
  Sequential net(Conv2d({.in = image.dim(0), .out = 6, .kernel = 5, .padding = 2}, rng), ReLU(),
                 MaxPool2d({.kernel = 2}), Conv2d({.in = 6, .out = 16, .kernel = 5}, rng), ReLU(),
                 MaxPool2d({.kernel = 2}), Flatten());
  const Index features = 16 * ((image.dim(1) / 2 - 4) / 2) * ((image.dim(2) / 2 - 4) / 2);
  net.add(Linear({.in = features, .out = 120}, rng)).add(ReLU());
  if (dropout > 0) net.add(Dropout({.p = dropout}, rng));
  net.add(Linear({.in = 120, .out = 84}, rng)).add(ReLU());
  net.add(Linear({.in = 84, .out = classes}, rng));
  return net;
}

Sequential cnn_large(const Shape& image, Index classes, double dropout, Rng& rng) {
  const Stages stages{.name = "cnn-large",
                      .list = {{32, false}, {32, true}, {64, false}, {64, true}, {128, true}}};
  return normalised_cnn(stages, image, classes, dropout, rng);
}

Sequential cnn_tiny(const Shape& image, Index classes, double dropout, Rng& rng) {
  const Stages stages{.name = "cnn-tiny", .list = {{8, false}, {16, true}, {16, true}, {24, true}}};
  return normalised_cnn(stages, image, classes, dropout, rng);
}

Sequential vgg_small(const Shape& image, Index classes, double dropout, Rng& rng) {
  const Stages stages{
      .name = "vgg-small",
      .list = {{32, false}, {32, true}, {64, false}, {64, true}, {128, false}, {128, true}},
      .hidden = 256};
  return normalised_cnn(stages, image, classes, dropout, rng);
}

Sequential mobilenet_small(const Shape& image, Index classes, double dropout, Rng& rng) {
  check_image("mobilenet-small", image);
  struct Pair {
    Index out, stride;
  };
  constexpr Pair pairs[] = {{32, 1}, {64, 2}, {64, 1}, {128, 2}, {128, 1}};
  Index in = 16;
  Sequential net;
  net.add(Conv2d({.in = image.dim(0), .out = in, .kernel = 3, .padding = 1, .bias = false}, rng));
  add_norm(net, in);
  for (const auto& [out, stride] : pairs) {
    net.add(Conv2d({.in = in,
                    .out = in,
                    .kernel = 3,
                    .stride = stride,
                    .padding = 1,
                    .groups = in,
                    .bias = false},
                   rng));
    add_norm(net, in);
    net.add(Conv2d({.in = in, .out = out, .bias = false}, rng));
    add_norm(net, out);
    in = out;
  }
  net.add(GlobalAvgPool2d());
  if (dropout > 0) net.add(Dropout({.p = dropout}, rng));
  net.add(Linear({.in = in, .out = classes}, rng));
  return net;
}

}  // namespace limbeck
