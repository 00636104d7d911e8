// How to extend Limbeck, at length: self-attention and a small vision transformer, made of the
// core's ops and the layers of nn.
//
// Letters: N images, L tokens (patches of an image), D features of a token, h heads.
// Sources: Vaswani et al., "Attention Is All You Need", NeurIPS 2017; Dosovitskiy et al., "An Image
// is Worth 16x16 Words", ICLR 2021.
#pragma once

#include <cmath>

#include "core/error.h"
#include "core/ops.h"
#include "nn/conv2d.h"
#include "nn/init.h"
#include "nn/layer_norm.h"
#include "nn/linear.h"
#include "nn/residual.h"
#include "nn/sequential.h"

namespace limbeck {

// Images as tokens, (N, C, H, W) → (N, L, D): each patch of P × P pixels becomes D features by one
// linear map, which is a convolution with kernel and stride P, and learns where it lies by a vector
// of its own, added to it. Error: the patches do not tile the image.
class PatchEmbedding : public Module {
 public:
  PatchEmbedding(const Shape& image, Index patch, Index width, Rng& rng)
      : project_({.in = image.dim(0), .out = width, .kernel = patch, .stride = patch}, rng) {
    if (image.dim(1) % patch != 0 || image.dim(2) % patch != 0) {
      fail("PatchEmbedding", "patches of {0} × {0} do not tile images {1}", patch, image);
    }
    const Index tokens = (image.dim(1) / patch) * (image.dim(2) / patch);
    position_ = uniform({tokens, width}, -0.02, 0.02, rng).requires_grad();
  }

  std::string describe() const override { return "PatchEmbedding"; }

 protected:
  Tensor forward(const Tensor& x) override {
    const Tensor map = project_(x);                                     // (N, D, H / P, W / P)
    const Tensor columns = reshape(map, {map.dim(0), map.dim(1), -1});  // (N, D, L)
    return permute(columns, {0, 2, 1}) + position_;                     // (N, L, D)
  }
  void parts(Parts& parts) override {
    parts("project", project_);
    parts("position", position_);
  }

 private:
  Conv2d project_;
  Tensor position_;  // (L, D)
};

// Every token asks all tokens of its image a question and takes a mean of their answers, weighted
// by how well their keys fit: softmax(q kᵀ / √d) v, in h heads of d = D / h features each
// (Vaswani et al., section 3.2). (N, L, D) → (N, L, D). Error: h does not divide D.
class SelfAttention : public Module {
 public:
  SelfAttention(Index width, Index heads, Rng& rng)
      : heads_(heads),
        query_({.in = width, .out = width}, rng),
        key_({.in = width, .out = width}, rng),
        value_({.in = width, .out = width}, rng),
        out_({.in = width, .out = width}, rng) {
    if (heads < 1 || width % heads != 0) {
      fail("SelfAttention", "{} heads do not divide a width of {}", heads, width);
    }
  }

  std::string describe() const override { return fmt::format("SelfAttention({} heads)", heads_); }

 protected:
  Tensor forward(const Tensor& x) override {
    const Tensor q = split(query_(x)), k = split(key_(x)), v = split(value_(x));  // (N, h, L, d)
    const double temperature = std::sqrt(static_cast<double>(q.dim(-1)));
    const Tensor weights = softmax(batched_matmul(q, k, {.b = true}), temperature);  // (N, h, L, L)
    const Tensor heads = permute(batched_matmul(weights, v), {0, 2, 1, 3});          // (N, L, h, d)
    return out_(reshape(heads, x.shape()));
  }
  void parts(Parts& parts) override {
    parts("query", query_);
    parts("key", key_);
    parts("value", value_);
    parts("out", out_);
  }

 private:
  // (N, L, D) → (N, h, L, d)
  Tensor split(const Tensor& x) const {
    return permute(reshape(x, {x.dim(0), x.dim(1), heads_, -1}), {0, 2, 1, 3});
  }

  Index heads_;
  Linear query_, key_, value_, out_;
};

struct VitOptions {
  Index patch = 4;   // pixels
  Index width = 64;  // D
  Index heads = 4;
  Index blocks = 2;
};

// A vision transformer for images (C, H, W): patches, then blocks in which tokens talk to each
// other (attention) and each thinks for itself (two layers with GELU), then the mean over tokens
// and a linear layer to the logits, (N, C, H, W) → (N, classes). Each half of a block has layer
// norm before it and a way around it, as in the paper; the mean stands for its class token, and is
// simpler. Error: as the layers'.
inline Sequential vit(const Shape& image, Index classes, const VitOptions& options, Rng& rng) {
  const Index d = options.width;
  Sequential net(PatchEmbedding(image, options.patch, d, rng));
  for (Index block = 0; block < options.blocks; ++block) {
    net.add(Residual(Sequential(LayerNorm({.features = d}), SelfAttention(d, options.heads, rng))));
    net.add(Residual(Sequential(LayerNorm({.features = d}), Linear({.in = d, .out = 2 * d}, rng),
                                Function(gelu, "GELU"), Linear({.in = 2 * d, .out = d}, rng))));
  }
  net.add(LayerNorm({.features = d}));
  net.add(Function(
      [](const Tensor& x) {  // (N, L, D) → (N, D)
        return flatten(mean_last(permute(x, {0, 2, 1})));
      },
      "MeanOverTokens"));
  net.add(Linear({.in = d, .out = classes}, rng));
  return net;
}

}  // namespace limbeck
