// mnist_predict: asks a network from a file what a picture shows: pictures from files, made like
// MNIST's digits first where they are ink, images of a dataset, or all of a dataset at once.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>

#include "apps/common/class_names.h"
#include "apps/common/data_options.h"
#include "apps/common/input_options.h"
#include "apps/common/json_text.h"
#include "apps/common/program.h"
#include "apps/common/say.h"
#include "apps/predict/judgement.h"
#include "apps/predict/pictures.h"
#include "apps/predict/prediction.h"
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
  bool as_is = false, whole = false;
  double temperature = 1;
  Index top = 0;
  bool json = false;
};

void add_data_options(Options& options, Settings& s, const Option& pictures) {
  Option data = add_options(options, s.data);
  data.excludes(pictures);
  options
      .add("--index", s.indices,
           "Which of the test images, from 0; one or several. Without it: all, their errors and "
           "the classes with most of them")
      .type("N")
      .check(valid_number([](double n) {
        if (!(n >= 0)) fail("number", "must be at least 0; got {:g}", n);
      }))
      .needs(data);
  options.flag("--train", s.train, "The training images instead").needs(data);
  Option whole = options.flag("--whole", s.whole,
                              "Scale whole pictures to the size of the network's images, as --size "
                              "does with a set; that is what becomes of colours anyway");
  whole.excludes(data);
  options
      .flag("--as-is", s.as_is,
            "Take the pictures' pixels as they are, light ink on dark; their size must be the "
            "network's. Without it that happens where size and a dark ground speak for it; all "
            "others are cropped, scaled and centred as MNIST's digits are")
      .excludes(data)
      .excludes(whole);
}

void add_options(Options& options, Settings& s) {
  options.add("MODEL", s.model_file, "The network: a safetensors file").type("");
  const Option pictures =
      options.add("IMAGE", s.pictures,
                  "Pictures: PNG, JPEG, PGM or PPM, of any size; folders of them; - for one on "
                  "standard input. For a network of one channel: ink, dark on light or light on "
                  "dark");
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
  add_data_options(options, s, pictures);
  options
      .add("--temperature", s.temperature,
           "T of the probabilities shown, softmax(z / T) of the network's logits z")
      .type("T")
      .show_default()
      .check(valid_number([](double t) { check_temperature("--temperature", t); }));
  options.add("--top", s.top, "Show the K likeliest classes, in percent")
      .type("N")
      .check(at_least_1());
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
    if (!s.pictures.empty() || !s.indices.empty()) return;
    for (const auto& [given, name] :
         {std::pair{s.top > 0, "--top"}, {s.temperature != 1, "--temperature"}}) {
      if (given) fail("arguments", "{} is of single images: --index says which of the set", name);
    }
  });
}

// A network of another framework, for images of MNIST's size where its file leaves that open.
SavedModel load_onnx(const std::string& file, const InputOptions& input) {
  const Shape usual{1, 28, 28};
  OnnxNetwork network = read_onnx(file, {.image = laid_out(usual, input.layout)});
  Shape image = network.image();
  if (image == laid_out(usual, input.layout)) image = usual;
  if (input.layout == InputLayout::nhwc && image.rank() == 3 && image != usual) {
    image = {image.dim(2), image.dim(0), image.dim(1)};
  }
  if (image.rank() != 3 || network.classes() == 0) {
    fail("--onnx", "{}: from {} to {}: no network that tells classes of images", file,
         network.image(), network.answer());
  }
  ModelInfo info{.spec = "onnx", .image = image, .classes = network.classes()};
  return {.network = prepared(Sequential(std::move(network)), input), .info = std::move(info)};
}

SavedModel load(const Settings& s) {
  SavedModel model =
      !s.onnx.empty()
          ? load_onnx(s.onnx, s.input.options())
          : load_model(
                s.model_file,
                {.spec = s.spec, .image = {1, 28, 28}, .classes = 10, .input = s.input.options()});
  if (const std::string match = model.weights.str(); !match.empty()) say("{}\n", match);
  if (!s.spec.empty() && s.spec != model.info.spec) {
    fail("--model", "{} says that it is {}, not {}", s.model_file, model.info.spec, s.spec);
  }
  s.input.check("--", s.onnx.empty() ? s.model_file : s.onnx, model.info.image,
                s.onnx.empty() ? model.info.input : s.input.options());
  const Index channels = model.info.image.dim(0);
  if (s.data.path.empty() && channels != 1 && channels != 3) {
    fail("mnist_predict", "{}: it takes images of {} channels; pictures have one or three",
         s.model_file, channels);
  }
  if (model.info.classes < 2) {
    fail("mnist_predict", "{}: it knows one class only: nothing to decide", s.model_file);
  }
  return model;
}

// The names of the classes: those that were given, or those that the network's file has.
ClassNames names_of(const Settings& s, const ModelInfo& info) {
  if (!s.data.class_names.empty()) return read_class_names(s.data.class_names, info.classes);
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

// What is asked, whatever it comes from: `get` gives the questions [begin, end).
struct Asked {
  Index count;
  std::size_t name_width;
  bool labelled;
  std::function<std::vector<Question>(Index begin, Index end)> get;
};

Asked pictures_of(const Settings& s, const Shape& image) {
  const PictureFit fit = s.as_is   ? PictureFit::as_is
                         : s.whole ? PictureFit::whole
                                   : PictureFit::usual;
  const std::vector<std::string> files = picture_files(s.pictures);
  const auto get = [files, image, fit](Index begin, Index end) {
    std::vector<Question> questions;
    if (files.size() == 1) {  // whose error is the program's
      return std::vector{Question{.name = files[0], .pixels = read_image_of(files[0], image, fit)}};
    }
    const auto asked = std::span(files).subspan(static_cast<std::size_t>(begin),
                                                static_cast<std::size_t>(end - begin));
    std::vector<ReadImage> images = read_images_of(asked, image, fit);
    for (std::size_t i = 0; i < images.size(); ++i) {
      questions.push_back({.name = asked[i],
                           .pixels = std::move(images[i].pixels),
                           .error = std::move(images[i].error)});
    }
    return questions;
  };
  const std::size_t width =
      std::ranges::max(files, {}, [](const std::string& file) { return file.size(); }).size();
  return {static_cast<Index>(files.size()), width, false, get};
}

// Labels count the set's classes and answers the network's, so that they are the same is all that
// tells what an error is.
void check_names(const Settings& s, const ClassNames& network, const ClassNames& set) {
  if (!s.data.class_names.empty() || network.empty() || set.empty()) return;
  const auto at = std::ranges::mismatch(network, set);
  if (at.in1 == network.end() || at.in2 == set.end()) return;
  fail("--data",
       "{} call class {} \"{}\", the network in {} \"{}\": their classes are others or in another "
       "order; if they are the same all the same, --class-names FILE names them for both",
       s.data.name(), at.in1 - network.begin(), *at.in2, s.model_file, *at.in1);
}

// The set that is asked about, with names for classes that have none.
Dataset data_of(const Settings& s, const ModelInfo& info, ClassNames& names) {
  DataSettings settings = s.data;
  if (settings.classes == 0 && !settings.is_drawn()) settings.classes = info.classes;
  ImageSets sets = load(settings);
  Dataset data = s.train ? std::move(sets.train) : std::move(sets.test);
  if (data.image != info.image) {
    fail("--data", "the images in {} are {}; the network in {} takes {}", s.data.path, data.image,
         s.model_file, info.image);
  }
  if (data.classes != info.classes) {
    fail("--data", "{} have {} classes; the network in {} knows {}", s.data.name(), data.classes,
         s.model_file, info.classes);
  }
  check_names(s, names, sets.class_names);
  if (names.empty()) names = sets.class_names;
  return data;
}

Asked images_of(const Settings& s, const Dataset& data) {
  const char* const set = s.train ? "training" : "test";
  for (const Index i : s.indices) {
    if (i < data.size()) continue;
    fail("--index", "{} has {} {} images, from 0 on; got {}", s.data.path, data.size(), set, i);
  }
  const auto name_of = [set](Index i) { return fmt::format("{} image {}", set, i); };
  const auto get = [&s, &data, name_of](Index begin, Index end) {
    std::vector<Question> questions;
    for (Index at = begin; at < end; ++at) {
      const Index i = s.indices[static_cast<std::size_t>(at)];
      const auto pixels = data.pixels_of(i);
      questions.push_back({.name = name_of(i),
                           .index = i,
                           .label = data.label_of(i),
                           .pixels = {pixels.begin(), pixels.end()}});
    }
    return questions;
  };
  const std::size_t width = name_of(std::ranges::max(s.indices)).size();
  return {static_cast<Index>(s.indices.size()), width, true, get};
}

nlohmann::ordered_json head_of(const Settings& s, const SavedModel& model) {
  return {{"schema_version", 1},
          {"model", s.model_file},
          {"spec", model.info.spec},
          {"parameters", model.network.parameter_count()},
          {"temperature", s.temperature}};
}

// Answers as they come, in parts that fit into memory however many there are. Error, at the end:
// some pictures could not be read, or their answers are not finite; each was named before.
void answer(const Settings& s, SavedModel& model, const Asked& asked, const ClassNames& names) {
  constexpr Index few = 16, part = 64;  // of few, each has a time of its own
  const AnswerStyle style{.temperature = s.temperature, .top = s.top, .names = names};
  const AnswerTable table(asked.name_width, asked.labelled, model.info.classes, style);
  const Asking asking = asked.count <= few ? Asking::one_by_one : Asking::at_once;
  nlohmann::ordered_json entries = nlohmann::ordered_json::array();
  Index unread = 0, unanswered = 0;
  for (Index begin = 0; begin < asked.count; begin += part) {
    std::vector<Question> questions = asked.get(begin, std::min(begin + part, asked.count));
    const auto tell = [&](const Question& question, const std::string& error) {
      say("mnist_predict: error: {}\n", error);
      if (s.json) entries.push_back(error_json(question, error));
    };
    for (const Question& question : questions) {
      if (question.error.empty()) continue;
      ++unread;
      tell(question, question.error);
    }
    std::erase_if(questions, [](const Question& question) { return !question.error.empty(); });
    const std::vector<Answer> answers = answers_to(model, questions, s.temperature, asking);
    if (begin == 0 && !s.json && asked.count > 1) fmt::print("{}", table.head());
    for (std::size_t i = 0; i < answers.size(); ++i) {
      if (!answers[i].error.empty()) {
        if (asked.count == 1) fail("predict", "{}", answers[i].error);
        ++unanswered;
        tell(questions[i], "predict: " + answers[i].error);
      } else if (s.json) {
        entries.push_back(answer_json(questions[i], answers[i], style));
      } else if (asked.count == 1) {
        fmt::print("{}", answer_picture(model.info.image, questions[i], answers[i], style));
      } else {
        fmt::print("{}", table.row(questions[i], answers[i]));
      }
    }
  }
  if (s.json) {
    nlohmann::ordered_json all = head_of(s, model);
    all["images"] = std::move(entries);
    fmt::print("{}\n", json_text(all, 2));
  }
  if (unanswered > 0) {
    fail("pictures", "{} of {} could not be read or have no answer", unread + unanswered,
         asked.count);
  }
  if (unread > 0) fail("pictures", "{} of {} could not be read", unread, asked.count);
}

void predict(const Settings& s) {
  SavedModel model = load(s);
  ClassNames names = names_of(s, model.info);
  if (s.data.path.empty()) return answer(s, model, pictures_of(s, model.info.image), names);
  const Dataset data = data_of(s, model.info, names);
  if (!s.indices.empty()) return answer(s, model, images_of(s, data), names);
  const Judgement judgement = judge(model, data);
  if (s.json) {
    nlohmann::ordered_json all = head_of(s, model);
    all.update(judgement_json(judgement, names));
    fmt::print("{}\n", json_text(all, 2));
  } else {
    const char* const set = s.train ? "training images" : "test images";
    fmt::print("{}", judgement_text(judgement, set, names));
  }
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  return run_program(
      {.name = "mnist_predict",
       .description = "Asks a network what a picture shows, or what it makes of a whole set.",
       .add_options = [&](Options& options) { add_options(options, settings); },
       .work = [&] { predict(settings); }},
      argc, argv);
}
