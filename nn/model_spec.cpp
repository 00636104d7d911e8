#include "nn/model_spec.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <functional>

#include "core/error.h"
#include "nn/image_shape.h"
#include "nn/layer_text.h"
#include "nn/models.h"
#include "nn/resnet.h"
#include "nn/vit.h"

namespace limbeck {
namespace {

constexpr Index widest = 1'000'000;  // beyond it a width is a slip of the finger

[[noreturn]] void refuse(const std::string& spec, const std::string& why) {
  std::string message = fmt::format(
      "\"{}\" {}; a model is mlp:WIDTH,WIDTH,… with the hidden layers' widths, as in mlp:800,800, "
      "or cnn:CHANNELS,…,WIDTH, as in cnn:32,64,512, or layer by layer, as in \"layers: conv 16 3 "
      "pad 1, bn, relu, pool 2, flatten, linear\"",
      spec, why);
  for (const Preset& preset : model_presets()) message += ", or " + preset.name;
  fail("model",
       "{}; one of your own is known after register_model(\"NAME\", …); any may have {} before it",
       message, normalize_prefix);
}

// The numbers in "mlp:800,800", after the colon.
std::vector<Index> parse_numbers(const std::string& spec) {
  std::vector<Index> numbers;
  const char* at = spec.data() + spec.find(':') + 1;
  const char* const end = spec.data() + spec.size();
  const auto place = [&] { return at - spec.data() + 1; };
  while (at != end) {
    Index number = 0;
    const auto [next, error] = std::from_chars(at, end, number);
    if (error != std::errc{} || number < 1 || number > widest) {
      refuse(spec, fmt::format("has a width that is not a number from 1 to {}, at character {}",
                               widest, place()));
    }
    numbers.push_back(number);
    at = next;
    if (at == end) break;
    if (*at != ',' || at + 1 == end) {
      refuse(spec,
             fmt::format("is not a list of numbers with commas between, at character {}", place()));
    }
    ++at;
  }
  return numbers;
}

// A spec understood, waiting for images and a generator.
using Plan = std::function<Sequential(const Shape&, Index classes, const ModelOptions&, Rng&)>;

// For images of C channels.
Normalize normalize(Index channels, const ModelOptions& options) {
  const auto size = static_cast<std::size_t>(channels);
  Normalize layer(options.channels.value_or(Normalize::Options{
      .mean = std::vector<double>(size, 0.0), .deviation = std::vector<double>(size, 1.0)}));
  if (layer.mean.size() == channels) return layer;
  fail("model", "Normalize has numbers for {} channels; the images have {}", layer.mean.size(),
       channels);
}

Plan parse(const std::string& spec) {
  if (const std::string prefix = normalize_prefix; spec.starts_with(prefix)) {
    const std::string rest = spec.substr(prefix.size());
    if (rest.starts_with(prefix)) refuse(spec, "says " + prefix + " twice");
    return [plan = parse(rest)](const Shape& image, Index classes, const ModelOptions& options,
                                Rng& rng) {
      Sequential network = plan(image, classes, options, rng);
      network.add_first(normalize(image.dim(0), options));
      return network;
    };
  }
  for (const Preset& preset : model_presets()) {
    if (spec != preset.name) continue;
    return [build = preset.build](const Shape& image, Index classes, const ModelOptions& options,
                                  Rng& rng) { return build(image, classes, options.dropout, rng); };
  }
  if (spec.starts_with("mlp:")) {
    return [hidden = parse_numbers(spec)](const Shape& image, Index classes,
                                          const ModelOptions& options, Rng& rng) {
      std::vector<Index> widths = {image.size()};
      widths.insert(widths.end(), hidden.begin(), hidden.end());
      widths.push_back(classes);
      return mlp(widths, {.dropout = options.dropout}, rng);
    };
  }
  if (spec.starts_with("cnn:")) {
    std::vector<Index> numbers = parse_numbers(spec);
    if (numbers.size() < 2) refuse(spec, "needs at least one number of channels and a width");
    const Index hidden = numbers.back();
    numbers.pop_back();
    return [numbers, hidden](const Shape& image, Index classes, const ModelOptions& options,
                             Rng& rng) {
      return cnn(image, classes,
                 {.channels = numbers, .hidden = hidden, .dropout = options.dropout}, rng);
    };
  }
  if (spec.starts_with("layers:")) {
    return [layers = LayerText(spec)](const Shape& image, Index classes, const ModelOptions&,
                                      Rng& rng) { return layers.build(image, classes, rng); };
  }
  refuse(spec, "is not known");
}

NetworkBuilder resnet_of(Index blocks) {
  return [blocks](const Shape& image, Index classes, double dropout, Rng& rng) {
    return resnet(image, classes, {.blocks = blocks, .dropout = dropout}, rng);
  };
}

Sequential vit_tiny(const Shape& image, Index classes, double dropout, Rng& rng) {
  return vit(image, classes, {.dropout = dropout}, rng);
}

// As it grows: names and what they mean.
std::vector<Preset>& presets() {
  static std::vector<Preset> all = {
      {"lenet5", "LeNet-5 with ReLU and max-pooling", lenet5},
      {"cnn-large", "a strong teacher: five 3×3 convolutions with batch norm", cnn_large},
      {"vgg-small", "six 3×3 convolutions in pairs, with batch norm, and a layer of 256",
       vgg_small},
      {"resnet20", "twenty layers with ways around them, of 16, 32 and 64 channels", resnet_of(3)},
      {"resnet8", "eight layers, likewise", resnet_of(1)},
      {"mobilenet-small", "convolutions of each channel by itself, few multiplications",
       mobilenet_small},
      {"vit-tiny",
       "a transformer of two blocks on patches of 4×4 pixels, which must tile the image", vit_tiny},
      {"cnn-tiny", "a student of fewer than 10,000 parameters: four 3×3 convolutions", cnn_tiny},
  };
  return all;
}

}  // namespace

Sequential make_model(const std::string& spec, const Shape& image, Index classes,
                      const ModelOptions& options, Rng& rng) {
  const auto build = parse(spec);
  check_image("model", image);
  return build(image, classes, options, rng);
}

void check_model_spec(const std::string& spec) {
  static_cast<void>(parse(spec));
}

const std::vector<Preset>& model_presets() {
  return presets();
}

bool register_model(const std::string& name, NetworkBuilder build, const std::string& what) {
  constexpr const char* op = "register_model";
  const auto fits = [](unsigned char c) {
    return std::isalnum(c) || c == '-' || c == '_' || c == '.';
  };
  if (name.empty() || !std::ranges::all_of(name, fits)) {
    fail(op, "a name has letters, digits, '-', '_' and '.'; got \"{}\"", name);
  }
  if (!build) fail(op, "\"{}\" has no function that makes the network", name);
  if (name == "mlp" || name == "cnn" || name == "layers")
    fail(op, "\"{0}\" is what {0}:… begins with", name);
  if (std::ranges::find(presets(), name, &Preset::name) != presets().end()) {
    fail(op, "there is a model \"{}\" already", name);
  }
  presets().push_back({name, what, std::move(build)});
  return true;
}

}  // namespace limbeck
