// Networks written down layer by layer: the form "layers: …" of make_model.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/random.h"
#include "nn/sequential.h"

namespace limbeck {

// A network as a list of layers with commas between, each a name and what belongs to it:
//
//   conv CHANNELS KERNEL [stride S] [pad P] [dilation D] [groups G] [nobias]
//   depthwise KERNEL [stride S] [pad P] [dilation D] [nobias]      of each channel by itself
//   pool KERNEL [stride S] [pad P]         the largest of each window; avgpool: the mean
//   globalpool                             the mean of each plane: features
//   flatten                                images to features, in the order C, H, W
//   linear [UNITS] [nobias]                of features; without a number, one unit a class
//   bn, ln, gn GROUPS                      batch norm of images or features; layer norm of
//                                          features; group norm
//   relu, leaky [SLOPE], silu, gelu, sigmoid, tanh
//   dropout P, dropout2d P                 of elements; of channels
//   residual( LAYERS )                     x + f(x), where f keeps the shape
//
// What is not said is as in PyTorch: stride 1 for convolutions and the kernel's size for pooling,
// no padding, a bias. So the network of PyTorch's own MNIST example is
//
//   layers: conv 32 3, relu, conv 64 3, relu, pool 2, dropout 0.25, flatten, linear 128, relu,
//           dropout 0.5, linear
//
// (its log_softmax is left out: losses here take logits, and softmax gives the same of both).
// Images go in, one logit for each class comes out.
class LayerText {
 public:
  // Understands a text, from "layers:" on. Error, in the name of "model", with the place in the
  // text, counted in characters from 1: a layer that is not known, numbers that it does not take,
  // images where features are wanted or the other way round, an end that is no features.
  explicit LayerText(const std::string& text);

  // Makes the network. Error, with the place of the layer in the text and what reaches it: images
  // too small for a window, channels that groups do not divide, a residual that changes the shape,
  // or an end of another size than `classes`.
  Sequential build(const Shape& image, Index classes, Rng& rng) const;

  // A layer of the list.
  struct Step {
    std::string name{};                    // "conv"
    std::size_t at = 0;                    // where it begins in the text, from 0
    std::string text{};                    // as it stands there
    std::vector<double> numbers{};         // right after the name
    std::map<std::string, double> keys{};  // "stride" → 2; "nobias" → 1
    std::vector<Step> inner{};             // of residual
  };

 private:
  std::string text_;
  std::vector<Step> steps_;
};

}  // namespace limbeck
