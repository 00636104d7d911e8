// Networks by a short text, as programs take them on the command line.
#pragma once

#include <string>
#include <vector>

#include "core/random.h"
#include "nn/sequential.h"

namespace limbeck {

// What a text does not say of its network.
struct ModelOptions {
  double dropout = 0;  // of hidden layers, where the network has a place for it
};

// The network that a text means:
//   mlp:800,800    a perceptron with two hidden layers of 800; "mlp:" has none
//   cnn:32,64,512  convolutions to 32 and 64 channels, then a hidden layer of 512 (nn/models.h)
//   a preset's name
// Error: a text of another form, which it quotes, saying which forms there are; or images that are
// too small for it.
Sequential make_model(const std::string& spec, const Shape& image, Index classes,
                      const ModelOptions& options, Rng& rng);

// That error alone, for checking such a text before anything is built.
void check_model_spec(const std::string& spec);

// A function that makes a network, as in nn/models.h.
using NetworkBuilder = Sequential (*)(const Shape& image, Index classes, double dropout, Rng& rng);

// A network that goes by a name.
struct Preset {
  std::string name;      // as make_model takes it
  std::string what;      // for people
  NetworkBuilder build;  // the function that makes it
};
// All of them.
const std::vector<Preset>& model_presets();

}  // namespace limbeck
