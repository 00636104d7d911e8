// Residual networks for small images, and the block of which they are made.
#pragma once

#include "nn/batch_norm.h"
#include "nn/conv2d.h"
#include "nn/sequential.h"

namespace limbeck {

// y = relu(f(x) + s(x)): (N, C_in, H, W) → (N, C_out, H', W'). f is a 3×3 convolution of this
// stride, batch norm, ReLU, a 3×3 convolution and batch norm; s is x itself or, where the shape
// changes, a 1×1 convolution of the same stride with batch norm. (Residual, in nn/residual.h, is a
// way around anything that keeps the shape.)
// Parts, in the order and by the names of PyTorch's torchvision: conv1, bn1, conv2, bn2 and, where
// the shape changes, downsample. Error: Conv2d's.
class BasicBlock : public Module {
 public:
  // The sizes of the block.
  struct Options {
    Index in = 0;      // C_in
    Index out = 0;     // C_out
    Index stride = 1;  // pixels from one window to the next: 2 halves the image
  };
  BasicBlock(const Options& options, Rng& rng);

  std::string describe() const override;  // "BasicBlock(16, 32, stride 2)"

 protected:
  Tensor forward(const Tensor& x) override;
  void parts(Parts& parts) override;

 private:
  Options options_;
  Conv2d conv1_, conv2_;
  BatchNorm2d bn1_, bn2_;
  Sequential downsample_;  // without layers: x itself
};

// The sizes of a residual network.
struct ResNetOptions {
  Index blocks = 1;    // in each of the three stages: 6 · blocks + 2 layers in all
  Index width = 16;    // channels of the first stage; the second has twice, the third four times
  double dropout = 0;  // of the features before the last layer, in training
};

// A 3×3 convolution with batch norm and ReLU, three stages of blocks, of which the second and the
// third halve the image, the mean of each plane, and a layer to the logits: (N, C, H, W) →
// (N, classes). He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", CVPR 2016,
// section 4.2, with the shortcuts of option B. Error: images of another form than (C, H, W), no
// block, or a size below 1.
Sequential resnet(const Shape& image, Index classes, const ResNetOptions& options, Rng& rng);

}  // namespace limbeck
