// Networks by their sizes. (nn/model_spec.h has them by a short text.)
#pragma once

#include <string>
#include <vector>

#include "core/random.h"
#include "nn/sequential.h"

namespace limbeck {

// Where a perceptron drops.
struct MlpOptions {
  double dropout = 0;        // of each hidden layer's output, in training
  double input_dropout = 0;  // of the pixels
};

// A multilayer perceptron: Flatten, then Linear with ReLU (and Dropout) for each hidden layer, then
// Linear to the logits. widths = {D_in, hidden…, C}: (N, …) with D_in elements an image → (N, C).
// Error: fewer than two widths, or one below 1.
Sequential mlp(const std::vector<Index>& widths, const MlpOptions& options, Rng& rng);

// A plain convolutional network: for each of `channels` a 5×5 convolution with padding 2, ReLU and
// 2×2 max-pooling; then a hidden layer with ReLU (and Dropout), then Linear to the logits.
struct CnnOptions {
  std::vector<Index> channels;  // of the convolutions, in order
  Index hidden = 0;             // units of the hidden layer
  double dropout = 0;           // of the hidden layer's output, in training
};
// For images of shape (C, H, W). Error: no channels, a size below 1, or images that so many
// poolings leave nothing of.
Sequential cnn(const Shape& image, Index classes, const CnnOptions& options, Rng& rng);

// Networks with a name, for images of shape (C, H, W) of at least 16 × 16 pixels. Dropout is that
// of the features before the last layers, in training.
//
// LeNet-5 with ReLU and max-pooling for its sigmoids and learned poolings: 5×5 convolutions to 6
// and 16 channels, then layers of 120, 84 and C (LeCun et al., 1998, section II.B).
Sequential lenet5(const Shape& image, Index classes, double dropout, Rng& rng);

// A strong teacher: 3×3 convolutions to 32, 32, 64, 64 and 128 channels, each with batch norm and
// ReLU, pooled after the second, fourth and fifth (after Simonyan and Zisserman, "Very Deep
// Convolutional Networks", 2015, made small).
Sequential cnn_large(const Shape& image, Index classes, double dropout, Rng& rng);

// A student of fewer than 10,000 parameters: the same with 8, 16, 16 and 24 channels, pooled after
// the second, third and fourth.
Sequential cnn_tiny(const Shape& image, Index classes, double dropout, Rng& rng);

// Configuration B of that paper made small, with batch norm: two 3×3 convolutions each to 32, 64
// and 128 channels, pooled after each pair, then a layer of 256 with ReLU, and the logits.
Sequential vgg_small(const Shape& image, Index classes, double dropout, Rng& rng);

// A network of few multiplications: a 3×3 convolution to 16 channels, then five pairs of a 3×3
// convolution of each channel by itself (depthwise) and a 1×1 convolution over the channels, to 32,
// 64, 64, 128 and 128, each with batch norm and ReLU; the second and the fourth pair halve the
// image; then the mean of each plane and the logits. For images of any size. (After Howard et al.,
// "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications", 2017,
// section 3, made small.) Error: images of another form than (C, H, W), or without a pixel.
Sequential mobilenet_small(const Shape& image, Index classes, double dropout, Rng& rng);

// (Residual networks are in nn/resnet.h, a vision transformer in nn/vit.h.)

}  // namespace limbeck
