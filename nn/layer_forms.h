// The layers that a text can name (nn/layer_text.h): what each takes, and how it is made.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "nn/layer_text.h"

namespace limbeck::detail {

// What goes from layer to layer: (C, H, W) or (D).
enum class LayerKind { image, features, any };

// What a number is: whole and from 1 on, from 0 on, from 0 to below 1, or any.
enum class LayerNumbers { from_1, from_0, below_1, all };

// Where a layer is added: to what, the shape that reaches it, which it changes, and the rest.
struct LayerPlace {
  Sequential& net;
  Shape& shape;
  Index classes;
  Rng& rng;
};

// How a layer is written and made.
struct LayerForm {
  const char* text;         // as people write it
  LayerKind takes, gives;   // `any`: what it takes
  std::size_t least, most;  // how many numbers there are after the name
  LayerNumbers numbers;     // which ones
  const char* keys;         // words that may follow; after all but nobias there is a whole number
  void (*add)(const LayerText::Step&, const LayerPlace&);  // null: of residual, which has layers
};

// All of them, by name.
const std::map<std::string, LayerForm, std::less<>>& layer_forms();

}  // namespace limbeck::detail
