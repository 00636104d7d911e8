// mnist_predict: asks a network from a file what digit a picture shows: pictures from PNG and PGM
// files, made like MNIST's first, or images of a dataset.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "apps/common/class_names.h"
#include "apps/common/data_options.h"
#include "apps/common/input_options.h"
#include "apps/common/json_text.h"
#include "apps/common/program.h"
#include "apps/common/say.h"
#include "apps/predict/prediction.h"
#include "apps/predict/prepare.h"
#include "core/error.h"
#include "core/ops/softmax.h"
#include "nn/import/onnx.h"
#include "nn/model_spec.h"

using namespace limbeck;

namespace {

struct Settings {
  std::string model_file;
  std::string onnx;
  std::vector<std::string> pictures;
  std::string spec;
  InputSettings input{};
  DataSettings data{};
  std::vector<Index> indices;
  bool train = false;
  bool as_is = false;
  double temperature = 1;
  bool json = false;
};

void add_options(Options& options, Settings& s) {
  options.add("MODEL", s.model_file, "The network: a safetensors file").type("");
  const Option pictures =
      options.add("IMAGE", s.pictures,
                  "Pictures of a digit: PNG or PGM, of any size, dark on light or light on dark");
  options
      .add("--model", s.spec,
           "What network it is, for a file that does not say, from PyTorch say: mlp:800,800, "
           "for images of 28 x 28 and ten classes")
      .type("SPEC")
      .check(check_model_spec);
  add_options(options, "--", s.input);
  options
      .add("--onnx", s.onnx,
           "The network is this one instead, an ONNX file of any framework; there is no MODEL then")
      .type("FILE");
  Option data = add_options(options, s.data);
  data.excludes(pictures);
  const Option index =
      options.add("--index", s.indices, "Which of the test images, from 0; one or several")
          .type("N")
          .check(valid_number([](double n) {
            if (!(n >= 0)) fail("number", "must be at least 0; got {:g}", n);
          }))
          .needs(data);
  data.needs(index);
  options.flag("--train", s.train, "Of the training images instead").needs(data);
  options
      .flag("--as-is", s.as_is,
            "Take the pictures' pixels as they are, light ink on dark; their size must be the "
            "network's. Without it that happens where size and a dark ground speak for it; all "
            "others are cropped, scaled and centred as MNIST's digits are")
      .excludes(data);
  options
      .add("--temperature", s.temperature,
           "T of the probabilities shown, softmax(z / T) of the network's logits z")
      .type("T")
      .show_default()
      .check(valid_number([](double t) { check_temperature("--temperature", t); }));
  options.flag("--json", s.json, "Print JSON, with the probabilities of all classes");
  options.check([&s] {
    if (s.onnx.empty() && s.model_file.empty()) fail("arguments", "MODEL is required, or --onnx");
    if (!s.onnx.empty()) {  // what stands first is a picture
      if (!s.spec.empty()) fail("arguments", "--onnx says what network it is: no --model");
      if (!s.model_file.empty()) s.pictures.insert(s.pictures.begin(), s.model_file);
      if (!s.pictures.empty() && !s.data.path.empty()) fail("arguments", "--data excludes IMAGE");
      s.model_file = s.onnx;
    }
    if (s.pictures.empty() && s.data.path.empty())
      fail("arguments", "IMAGE, or --data, is required");
  });
}

// A network of another framework, for images of MNIST's size where its file leaves that open.
SavedModel load_onnx(const std::string& file) {
  OnnxNetwork network = read_onnx(file, {.image = {1, 28, 28}});
  if (network.image().rank() != 3 || network.classes() == 0) {
    fail("--onnx", "{}: from {} to {}: no network that tells classes of images", file,
         network.image(), network.answer());
  }
  ModelInfo info{.spec = "onnx", .image = network.image(), .classes = network.classes()};
  return {.network = Sequential(std::move(network)), .info = std::move(info)};
}

SavedModel load(const Settings& s) {
  SavedModel model =
      !s.onnx.empty()
          ? load_onnx(s.onnx)
          : load_model(
                s.model_file,
                {.spec = s.spec, .image = {1, 28, 28}, .classes = 10, .input = s.input.options()});
  if (const std::string match = model.weights.str(); !match.empty()) say("{}\n", match);
  if (!s.spec.empty() && s.spec != model.info.spec) {
    fail("--model", "{} says that it is {}, not {}", s.model_file, model.info.spec, s.spec);
  }
  if (s.data.path.empty() && model.info.image.dim(0) != 1) {
    fail("mnist_predict", "{}: it takes images of {} channels; grey ones have one", s.model_file,
         model.info.image.dim(0));
  }
  if (model.info.classes < 2) {
    fail("mnist_predict", "{}: it knows one class only: nothing to decide", s.model_file);
  }
  return model;
}

// The names of the classes that the network's file has.
ClassNames names_of(const Settings& s, const ModelInfo& info) {
  const auto found = info.more.find(class_names_key);
  if (found == info.more.end()) return {};
  const auto json = nlohmann::json::parse(found->second, nullptr, false);
  const bool strings = json.is_array() &&
                       std::ranges::all_of(json, [](const auto& name) { return name.is_string(); });
  if (!strings || static_cast<Index>(json.size()) != info.classes) {
    fail("mnist_predict", "{}: its {} are no list of {} names", s.model_file, class_names_key,
         info.classes);
  }
  return json.get<ClassNames>();
}

std::vector<Question> pictures_of(const Settings& s, const Shape& image) {
  const Preparation preparation{.height = image.dim(1), .width = image.dim(2), .as_is = s.as_is};
  std::vector<Question> questions;
  for (const std::string& file : s.pictures) {
    questions.push_back(
        {.name = file, .pixels = prepare_image(read_image(file), file, preparation)});
  }
  return questions;
}

std::vector<Question> images_of(const Settings& s, const ModelInfo& info) {
  const Shape& image = info.image;
  DataSettings settings = s.data;
  if (settings.classes == 0) settings.classes = info.classes;
  const ImageSets sets = load(settings);
  const Dataset& data = s.train ? sets.train : sets.test;
  const char* const set = s.train ? "training" : "test";
  if (data.image != image) {
    fail("--data", "the images in {} are {}; the network in {} takes {}", s.data.path, data.image,
         s.model_file, image);
  }
  std::vector<Question> questions;
  for (const Index i : s.indices) {
    if (i >= data.size()) {
      fail("--index", "{} has {} {} images, from 0 on; got {}", s.data.path, data.size(), set, i);
    }
    const auto pixels = data.pixels_of(i);
    questions.push_back({.name = fmt::format("{} image {}", set, i),
                         .index = i,
                         .label = data.class_ids[static_cast<std::size_t>(i)],
                         .pixels = {pixels.begin(), pixels.end()}});
  }
  return questions;
}

void predict(const Settings& s) {
  SavedModel model = load(s);
  const ModelInfo& info = model.info;
  const std::vector<Question> questions =
      s.data.path.empty() ? pictures_of(s, info.image) : images_of(s, info);
  const ClassNames names = names_of(s, info);
  const std::vector<Answer> answers = answers_to(model, questions, s.temperature);
  if (s.json) {
    const nlohmann::ordered_json all = {{"schema_version", 1},
                                        {"model", s.model_file},
                                        {"spec", info.spec},
                                        {"parameters", model.network.parameter_count()},
                                        {"temperature", s.temperature},
                                        {"images", answers_json(questions, answers, names)}};
    fmt::print("{}\n", json_text(all, 2));
  } else if (questions.size() == 1) {
    fmt::print("{}", answer_picture(info.image, questions[0], answers[0], s.temperature, names));
  } else {
    fmt::print("{}", answer_table(questions, answers, names));
  }
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  return run_program({.name = "mnist_predict",
                      .description = "Asks a network what digit a picture shows.",
                      .add_options = [&](Options& options) { add_options(options, settings); },
                      .work = [&] { predict(settings); }},
                     argc, argv);
}
