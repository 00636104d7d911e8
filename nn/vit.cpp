#include "nn/vit.h"

#include "core/error.h"
#include "core/ops/arithmetic.h"
#include "core/ops/reduce.h"
#include "nn/activations.h"
#include "nn/attention.h"
#include "nn/dropout.h"
#include "nn/layer_norm.h"
#include "nn/residual.h"

namespace limbeck {
namespace {

// What a convolution makes of the patches. Error: they do not tile the image.
Conv2d projection(const PatchEmbedding::Options& options, Rng& rng) {
  const auto [image, patch, features] = options;
  if (image.rank() != 3 || patch < 1 || image.dim(1) % patch != 0 || image.dim(2) % patch != 0) {
    fail("PatchEmbedding", "patches of {0} × {0} do not tile images {1}", patch, image);
  }
  return Conv2d({.in = image.dim(0), .out = features, .kernel = patch, .stride = patch}, rng);
}

// (N, L, D) → (N, D)
Tensor mean_over_tokens(const Tensor& x) {
  return flatten(mean_last(permute(x, {0, 2, 1})));
}

}  // namespace

PatchEmbedding::PatchEmbedding(const Options& options, Rng& rng)
    : project_(projection(options, rng)) {
  const auto [image, patch, features] = options;
  const Index tokens = (image.dim(1) / patch) * (image.dim(2) / patch);
  position_ = uniform({tokens, features}, -0.02, 0.02, rng).requires_grad();
}

std::string PatchEmbedding::describe() const {
  return fmt::format("PatchEmbedding(patch {}, {})", project_.options().kernel,
                     project_.options().out);
}

Tensor PatchEmbedding::forward(const Tensor& x) {
  const Tensor map = project_(x);                                     // (N, D, H / P, W / P)
  const Tensor columns = reshape(map, {map.dim(0), map.dim(1), -1});  // (N, D, L)
  return permute(columns, {0, 2, 1}) + position_;                     // (N, L, D)
}

void PatchEmbedding::parts(Parts& parts) {
  parts("project", project_);
  parts("position", position_);
}

Sequential vit(const Shape& image, Index classes, const VitOptions& options, Rng& rng) {
  const Index d = options.width;
  Sequential net;
  net.add(PatchEmbedding({.image = image, .patch = options.patch, .features = d}, rng));
  for (Index block = 0; block < options.blocks; ++block) {
    net.add(Residual(Sequential(LayerNorm({.features = d}),
                                SelfAttention({.features = d, .heads = options.heads}, rng))));
    net.add(Residual(Sequential(LayerNorm({.features = d}), Linear({.in = d, .out = 2 * d}, rng),
                                GELU(), Linear({.in = 2 * d, .out = d}, rng))));
  }
  net.add(LayerNorm({.features = d}));
  net.add(Function(mean_over_tokens, "MeanOverTokens"));
  if (options.dropout > 0) net.add(Dropout({.p = options.dropout}, rng));
  return std::move(net.add(Linear({.in = d, .out = classes}, rng)));
}

}  // namespace limbeck
