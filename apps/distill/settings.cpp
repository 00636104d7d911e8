#include "apps/distill/settings.h"

#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "apps/common/augmentations.h"
#include "apps/common/program.h"
#include "core/error.h"
#include "core/files/file.h"
#include "core/ops/softmax.h"
#include "nn/export/c_header.h"
#include "nn/model_spec.h"

namespace limbeck {
namespace {

void add_files(Options& options, DistillSettings& s) {
  const auto file = [&options](const char* name, std::string& variable, const char* help) {
    return options.add(name, variable, help).type("FILE");
  };
  const auto folder = [&options](const char* name, std::string& variable, const char* help) {
    return options.add(name, variable, help).type("DIR");
  };
  file("--teacher-weights", s.teacher_weights,
       "Take the teacher's weights from a safetensors file, of --save or from PyTorch, instead of "
       "training it. A file that does not say what network it is needs --teacher; names that are "
       "not ours are matched by kind and shape, and the match is printed");
  add_options(options, "--teacher-", s.teacher_input);
  file("--teacher-logits", s.teacher_logits,
       "No teacher at all: its logits for the training images, N x C, from an NPY file that any "
       "program may have computed");
  file("--teacher-onnx", s.teacher_onnx,
       "Take the teacher from an ONNX file, which any framework may have written");
  folder(
      "--save", s.save,
      "Keep teacher and students there, as safetensors files; a teacher of --teacher-onnx has one");
  file("--save-logits", s.save_logits,
       "Write the teacher's logits for the training images to an NPY file");
  file("--export-onnx", s.export_onnx, "Write the distilled student as an ONNX model");
  file("--export-c", s.export_c,
       "Write it as a C99 header that needs nothing else: NAME_predict(image, logits)");
  file(
      "--export-c-int8", s.export_c_int8,
      "The same with weights and values of 8 bits, a quarter of the size, and say what that costs");
  folder("--checkpoint", s.checkpoint,
         "Keep there, after every epoch and on Ctrl-C, what is needed to go on");
  folder("--resume", s.resume,
         "Go on with a run that kept checkpoints there, with the same options; it ends with the "
         "same bits as one that never stopped");
  folder("--log-dir", s.log_dir,
         "Write every epoch there as it ends, to epochs.csv and to event files, which TensorBoard "
         "draws; a folder of an earlier run begins anew");
  file("--report", s.report,
       "Write a page for a browser: curves, errors, a slider for T, a canvas to draw digits on");
  file("--json", s.json, "Write options and results to FILE too");
}

// That a file can be written there, by trying, and that no other option names it, to write it too
// or to read it.
class OutputFiles {
 public:
  void read(const char* option, const std::string& path) {
    if (!path.empty()) options_.emplace(place_of(path), option);
  }
  // A folder whose files are read, or one file.
  void read_folder(const char* option, const std::string& path) {
    std::error_code error;
    if (std::filesystem::is_regular_file(path, error)) read(option, path);
    for (const auto& entry : std::filesystem::directory_iterator(path, error)) {
      read(option, entry.path());
    }
  }
  void add(const char* option, const std::string& path) {
    if (path.empty()) return;
    check_writable(option, path);
    const auto [other, is_new] = options_.emplace(place_of(path), option);
    const bool stream = std::filesystem::exists(path) && !std::filesystem::is_regular_file(path);
    if (!is_new && !stream) fail(option, "{} is what {} names too", path, other->second);
  }

 private:
  static std::filesystem::path place_of(const std::string& path) {
    return std::filesystem::weakly_canonical(std::filesystem::absolute(path));
  }

  std::map<std::filesystem::path, const char*> options_;
};

void check_folder(const char* option, const std::string& path) {
  if (path.empty()) return;
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) fail(option, "{} cannot be made: {}", path, error.message());
  if (access(path.c_str(), W_OK) != 0) fail(option, "{} cannot be written to", path);
}

}  // namespace

void add_options(Options& options, DistillSettings& s) {
  const auto add = [&options](const char* name, auto& variable, const char* help) {
    return options.add(name, variable, help).show_default();
  };
  add_options(options, s.data);
  add("--teacher", s.teacher,
      "The teacher. mlp:A,B,... is a perceptron with hidden layers A, B, ...; cnn:A,B,...,H has "
      "5x5 "
      "convolutions to A, B, ... channels, each with ReLU and pooling, and a hidden layer H; "
      "\"layers: conv 32 3, relu, pool 2, flatten, linear\" is any other, layer by layer; "
      "--list-models prints those that have a name")
      .type("SPEC")
      .check(check_model_spec);
  add("--student", s.student, "The student, likewise").type("SPEC").check(check_model_spec);
  add("--temperature", s.distillation.temperature,
      "T. The student learns from softmax(z / T) of the teacher's logits z. At 1 that is the "
      "teacher's answer, nearly as sharp as the label; higher, it shows which wrong classes are "
      "nearly right. 2 to 5 suits small students, 3 to 10 is usual, far above it is too flat to "
      "tell much")
      .type("T")
      .check(valid_number([](double t) { check_temperature("--temperature", t); }))
      .remember(s.method.temperature);
  add("--alpha", s.distillation.alpha,
      "Weight of the labels, from 0 to 1: loss = alpha * CE + (1 - alpha) * T^2 * KL. At 1 the "
      "teacher is not heard")
      .type("A")
      .check(valid_number(
          [](double a) { DistillationOptions{.temperature = 1, .alpha = a}.check("--alpha"); }))
      .remember(s.method.alpha);
  add_options(options, s.method);
  add_options(options, s.chains);
  add("--teacher-epochs", s.teacher_epochs, "Epochs of the teacher's training")
      .type("N")
      .check(at_least_1());
  add("--epochs", s.epochs, "Epochs of each student's training").type("N").check(at_least_1());
  add("--batch-size", s.batch_size, "Images a step").type("N").check(at_least_1());
  add("--lr", s.lr, "The optimizer's learning rate at the start").type("RATE").check(above_0());
  add_options(options, s.training);
  options.flag("--normalise", s.normalise,
               "Begin the networks that are trained here with a layer that brings each channel of "
               "the images to mean 0 and deviation 1, by the training images; files and exports "
               "carry it. The same as normalize+SPEC for each");
  options
      .add("--train-size", s.train_size,
           "Learn from N images only, drawn at random. Without it: from all")
      .type("N")
      .check(at_least_1());
  add("--seed", s.seed, "Seed of weights, order, dropout, shifts and of what --train-size draws")
      .type("N");
  add("--threads", s.threads, "Threads; with mpirun, of each rank")
      .type("N")
      .check(at_least_1())
      .remember(s.given_threads);
  add("--teacher-dropout", s.teacher_dropout,
      "The part of the teacher's hidden units that is silent at each step of its training, at "
      "random")
      .type("P")
      .check(below_1());
  add("--teacher-augment", s.teacher_augment,
      "What is done to the teacher's images, anew every epoch: none; shift, by up to two pixels; "
      "distort, which also turns, stretches and bends them; for pictures of things flip, left to "
      "right, crop, from a margin around them, and cutout, a hole; or several with + between: "
      "crop+flip")
      .type("HOW")
      .check([](const std::string& names) { augmentation_of(names); });
  add("--augment", s.augment,
      "The same for the students'; the teacher is then asked about every changed image, instead of "
      "once")
      .type("HOW")
      .check([](const std::string& names) { augmentation_of(names); });
  add("--repeats", s.repeats,
      "Train the two students so many times, from other weights, to see what is chance")
      .type("N")
      .check(at_least_1());
  options
      .add("--bits", s.bits,
           "Train the distilled student on for weights of N bits, 2 to 8: rounded at every step, "
           "from the same teacher. The table then tells what rounding alone costs, and what that "
           "training wins back; --export-c-int8 writes its integers")
      .type("N")
      .check(valid_number([](double bits) {
        if (!(bits >= 2 && bits <= 8)) fail("--bits", "weights have 2 to 8 bits; got {:g}", bits);
      }));
  add("--bits-epochs", s.bits_epochs, "Epochs of that training").type("N").check(at_least_1());
  options
      .add("--bits-lr", s.bits_lr,
           "Its learning rate at the start. Without it: a tenth of --lr, enough to find the way "
           "back; with fewer than 4 bits, where much has to be learned anew, all of it")
      .type("RATE")
      .check(above_0());
  options.flag("--list-models", s.list_models,
               "Print the networks that have a name, with their sizes, and stop");
  options.flag("--detect-anomaly", s.detect_anomaly,
               "Stop at the first value or gradient that is not finite, and name the op and the "
               "layer that made it; slower");
  options.flag("--quiet", s.quiet, "No progress, only the results");
  add_files(options, s);
}

nlohmann::ordered_json to_json(const DistillSettings& s) {
  using nlohmann::ordered_json;
  const auto file_or_null = [](const std::string& path) {
    return path.empty() ? ordered_json(nullptr) : ordered_json(path);
  };
  ordered_json json = {
      {"data", file_or_null(s.data.path)},
      {"teacher", s.teacher},
      {"student", s.student},
      {"temperature", s.distillation.temperature},
      {"alpha", s.distillation.alpha},
      {"teacher_epochs", s.teacher_epochs},
      {"epochs", s.epochs},
      {"batch_size", s.batch_size},
      {"lr", s.lr},
      {"train_size", s.train_size == 0 ? ordered_json(nullptr) : ordered_json(s.train_size)},
      {"teacher_dropout", s.teacher_dropout},
      {"teacher_augment", s.teacher_augment},
      {"augment", s.augment},
      {"teacher_weights", file_or_null(s.teacher_weights)},
      {"teacher_logits", file_or_null(s.teacher_logits)},
      {"repeats", s.repeats},
      {"seed", s.seed},
      {"threads", s.threads}};
  if (s.ranks != nullptr) json["ranks"] = s.ranks->size();
  if (!s.teacher_onnx.empty()) json["teacher_onnx"] = s.teacher_onnx;
  s.data.add_to(json);
  s.training.add_to(json);
  s.method.add_to(json);
  s.chains.add_to(json, s);
  s.teacher_input.add_to(json);
  if (s.bits > 0) {
    json["bits"] = s.bits;
    json["bits_epochs"] = s.bits_epochs;
    json["bits_lr"] = s.rate_with_bits();
  }
  return json;
}

void check(const DistillSettings& s) {
  s.training.check();
  s.method.check(!s.teacher_logits.empty());
  s.chains.check(s);
  if (!s.teacher_logits.empty()) {
    constexpr const char* option = "--teacher-logits";
    if (!s.teacher_weights.empty()) fail(option, "there is no teacher with --teacher-weights then");
    if (!s.save_logits.empty()) fail(option, "there is no teacher whose logits to save");
    if (s.train_size > 0) fail(option, "they are for all training images, not for --train-size");
    if (!s.report.empty()) fail(option, "--report needs a teacher to ask about test images");
    if (s.augment != "none") fail(option, "they are not for images that --augment has changed");
  }
  if (s.teacher_input.given() && s.teacher_weights.empty() && s.teacher_onnx.empty()) {
    fail("--teacher-input, --teacher-mean, --teacher-std",
         "they are for --teacher-weights and --teacher-onnx");
  }
  if (!s.teacher_onnx.empty()) {
    constexpr const char* option = "--teacher-onnx";
    if (!s.teacher_weights.empty()) fail(option, "--teacher-weights names another teacher");
    if (!s.teacher_logits.empty()) fail(option, "there is no teacher with --teacher-logits");
  }
  if (!s.checkpoint.empty() && !s.resume.empty()) {
    fail("--resume", "it keeps checkpoints where it goes on; leave out --checkpoint");
  }
  // Folders first: files may be meant to go into them.
  check_folder("--save", s.save);
  if (s.is_first()) check_folder("--checkpoint", s.checkpoint);
  check_folder("--log-dir", s.log_dir);
  OutputFiles files;
  files.read("--teacher-weights", s.teacher_weights);
  files.read("--teacher-logits", s.teacher_logits);
  files.read("--teacher-onnx", s.teacher_onnx);
  files.read_folder("--data", s.data.path);
  files.read("--class-names", s.data.class_names);
  files.add("--json", s.json);
  files.add("--save-logits", s.save_logits);
  files.add("--export-onnx", s.export_onnx);
  for (const auto& [option, path] :
       {std::pair("--export-c", s.export_c), std::pair("--export-c-int8", s.export_c_int8)}) {
    files.add(option, path);
    if (!path.empty()) static_cast<void>(c_name(path));
  }
  files.add("--report", s.report);
  if (!s.resume.empty() && s.is_first() && !std::filesystem::is_directory(s.resume)) {
    fail("--resume", "{} is not a folder", s.resume);
  }
}

}  // namespace limbeck
