// A network as C code and integers want it: plain layers with their sizes and weights, each of
// which takes what earlier ones gave.
#pragma once

#include <string>
#include <vector>

#include "core/window.h"
#include "nn/module.h"

namespace limbeck {

// What a layer of the list can be.
enum class PlainKind { linear, conv2d, relu, max_pool, avg_pool, global_avg_pool, flatten, add };

// One layer for one image: shapes are without N.
struct PlainLayer {
  PlainKind kind{};  // what it computes
  // What it takes, one result or, of add, two: 0 is the image, i + 1 what layer i of the list
  // gives.
  std::vector<std::size_t> from{};
  Shape in{};       // of the first: (D), (C, H, W) or another
  Shape out{};      // of its own
  Tensor weight{};  // linear: (D_out, D_in); conv2d: (C_out, C_in / groups, kh, kw)
  Tensor bias{};    // (D_out) or (C_out); zeros where the layer has none
  Window2d window{.kernel = 1, .stride = 1, .padding = 0};  // of conv2d and pooling
  Index groups = 1;                                         // of conv2d
  std::string name{};                                       // for errors: "2 (Conv2d): conv2d"
};

// The layers that a network applies to an image in evaluation mode, in order, the last giving its
// answer: the ops of its graph (nn/export/graph.h), batch normalisation having become part of the
// Linear or Conv2d before it. What only scales and shifts channels, batch norm elsewhere,
// Normalize, arithmetic with a number, is a conv2d of 1 × 1 pixel with as many groups as channels.
// The weights are copies; a flatten is any reshape. Error: that of record_graph; an op of another
// kind, with its name and its layer's; a constant that is neither one number nor one a channel; a
// sum of different shapes.
std::vector<PlainLayer> plain_layers(Module& network, const Shape& image);

}  // namespace limbeck
