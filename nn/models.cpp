#include "nn/models.h"

#include "core/error.h"
#include "nn/conv2d.h"
#include "nn/dropout.h"
#include "nn/linear.h"
#include "nn/pooling.h"

namespace limbeck {

Sequential mlp(const std::vector<Index>& widths, const MlpOptions& options, Rng& rng) {
  if (widths.size() < 2) {
    fail("mlp", "at least the widths of input and output are needed; got {}", widths.size());
  }
  Sequential net(Flatten());
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
  if (image.rank() != 3) fail("cnn", "images must be (C, H, W); got {}", image);
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

}  // namespace limbeck
