// A trained network as other programs want it: a list of plain layers with their sizes and weights.
#pragma once

#include <vector>

#include "core/window.h"
#include "nn/sequential.h"

namespace limbeck {

// What a layer of the list can be.
enum class PlainKind { linear, conv2d, relu, max_pool, avg_pool, global_avg_pool, flatten };

// One layer for one image: shapes are without N.
struct PlainLayer {
  PlainKind kind{};
  Shape in{};       // (D) or (C, H, W)
  Shape out{};      // likewise
  Tensor weight{};  // linear: (D_out, D_in); conv2d: (C_out, C_in / groups, kh, kw)
  Tensor bias{};    // (D_out) or (C_out); zeros where the layer has none
  Window2d window{.kernel = 1, .stride = 1, .padding = 0};  // of conv2d and pooling
  Index groups = 1;                                         // of conv2d
};

// The layers that a network applies to an image in evaluation mode, in order: dropout is left out,
// batch normalisation by its running statistics becomes part of the Linear or Conv2d before it,
//   w' = w γ / √(σ² + ε),   b' = (b − μ) γ / √(σ² + ε) + β      channel by channel
// and a Sequential within is opened. The weights are copies.
// Error: a layer of another kind, which is named with its place, or batch norm after anything else.
std::vector<PlainLayer> plain_layers(Sequential& network, const Shape& image);

}  // namespace limbeck
