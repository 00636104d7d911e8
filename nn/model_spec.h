// Networks by a short text, as programs take them on the command line.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/random.h"
#include "nn/normalize.h"
#include "nn/sequential.h"

namespace limbeck {

// What a text does not say of its network.
struct ModelOptions {
  double dropout = 0;  // of hidden layers, where the network has a place for it and does not say
  // What a Normalize in front is to know of the images; none: means of 0 and deviations of 1, until
  // a file's take their place.
  std::optional<Normalize::Options> channels{};
};

// What stands before a text whose network begins with Normalize.
inline constexpr const char* normalize_prefix = "normalize+";

// The network that a text means:
//   mlp:800,800    a perceptron with two hidden layers of 800; "mlp:" has none
//   cnn:32,64,512  convolutions to 32 and 64 channels, then a hidden layer of 512 (nn/models.h)
//   layers: conv 32 3 pad 1, bn, relu, pool 2, flatten, linear
//                  layer by layer (nn/layer_text.h has all of them), with dropout as it says
//   a preset's name, resnet20 say, or one of your own (register_model)
//   normalize+ before any of these: Normalize in front of it, which a file of the network carries
// Error: a text of another form, which it quotes, saying where it goes wrong and which forms there
// are; or images that are too small for it, without a pixel say.
Sequential make_model(const std::string& spec, const Shape& image, Index classes,
                      const ModelOptions& options, Rng& rng);

// That error alone, for checking such a text before anything is built.
void check_model_spec(const std::string& spec);

// A function that makes a network, as in nn/models.h.
using NetworkBuilder =
    std::function<Sequential(const Shape& image, Index classes, double dropout, Rng& rng)>;

// A network that goes by a name.
struct Preset {
  std::string name;      // as make_model takes it
  std::string what;      // for people
  NetworkBuilder build;  // the function that makes it
};
// All of them: those of nn/models.h, nn/resnet.h and nn/vit.h, then your own.
const std::vector<Preset>& model_presets();

// Gives a network of your own a name, by which make_model knows it from then on, so load_model and
// the programs' options as well:
//
//   Sequential gated(const Shape& image, Index classes, double dropout, Rng& rng);
//   const bool known = register_model("gated-cnn", gated, "a convolutional network with gates");
//
// As the value of a constant outside of functions it is done before main() begins; a program has
// those of the sources that are linked into it (apps/examples/README.md). Not to be called while
// another thread makes networks. True, always. What is no Sequential becomes the one layer of one,
// Sequential(MyNetwork(…)). Error: a name that is none, empty or with other characters than
// letters, digits, '-', '_' and '.'; one that is taken; no function.
bool register_model(const std::string& name, NetworkBuilder build, const std::string& what = "");

}  // namespace limbeck
