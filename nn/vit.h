// A small vision transformer: images as patches that look at one another.
//
// Letters: N images, L tokens (patches of an image), D features of a token.
// Source: Dosovitskiy et al., "An Image is Worth 16x16 Words", ICLR 2021.
#pragma once

#include "nn/conv2d.h"
#include "nn/sequential.h"

namespace limbeck {

// Images as tokens, (N, C, H, W) → (N, L, D): each patch of P × P pixels becomes D features by one
// linear map, which is a convolution with kernel and stride P, and learns where it lies by a vector
// of its own, added to it. Patches go from left to right and from the top down. Parts: project
// (Conv2d), position (L, D). Error: the patches do not tile the image; Conv2d's.
class PatchEmbedding : public Module {
 public:
  // The sizes of the layer.
  struct Options {
    Shape image{};       // (C, H, W)
    Index patch = 0;     // P, in pixels
    Index features = 0;  // D
  };
  PatchEmbedding(const Options& options, Rng& rng);

  std::string describe() const override;  // "PatchEmbedding(patch 4, 64)"

 protected:
  Tensor forward(const Tensor& x) override;
  void parts(Parts& parts) override;

 private:
  Conv2d project_;
  Tensor position_;  // (L, D)
};

// The sizes of a vision transformer.
struct VitOptions {
  Index patch = 4;     // pixels on a side
  Index width = 64;    // D
  Index heads = 4;     // of the attention
  Index blocks = 2;    // of attention and two layers
  double dropout = 0;  // of the features before the last layer, in training
};

// For images (C, H, W): patches, then blocks in which tokens talk to each other (attention) and
// each thinks for itself (two layers with GELU, 2 D wide), then the mean over tokens and a linear
// layer to the logits, (N, C, H, W) → (N, classes). Each half of a block has layer norm before it
// and a way around it, as in the paper; the mean stands for its class token, and is simpler.
// Error: as the layers'.
Sequential vit(const Shape& image, Index classes, const VitOptions& options, Rng& rng);

}  // namespace limbeck
