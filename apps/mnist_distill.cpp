// mnist_distill: the main job, end to end. Trains a large teacher, a small student on hard labels
// and the same student from the teacher's soft targets, and shows what distillation bought.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <fstream>

#include "apps/common/augmentations.h"
#include "apps/common/distill_report.h"
#include "apps/common/memory.h"
#include "apps/common/program.h"
#include "apps/common/soft_targets.h"
#include "apps/common/training_log.h"
#include "core/error.h"
#include "core/parallel.h"
#include "core/reduce.h"
#include "core/softmax.h"
#include "core/text.h"
#include "data/idx.h"
#include "data/synthetic_digits.h"
#include "nn/distill/distiller.h"
#include "nn/distill/evaluate.h"
#include "nn/model_spec.h"

using namespace limbeck;

namespace {

struct Settings {
  std::string data;
  std::string teacher = "mlp:1200,1200";
  std::string student = "mlp:128";
  DistillationOptions distillation{};
  Index teacher_epochs = 15;
  Index epochs = 40;
  Index batch_size = 128;
  double lr = 1e-3;
  Index train_size = 0;  // 0: all
  double teacher_dropout = 0.3;
  std::string teacher_augment = "shift";
  std::string augment = "none";
  Index repeats = 1;
  bool list_models = false;
  std::uint64_t seed = 1;
  int threads = limbeck::threads();
  std::string json;
  bool quiet = false;
};

void add_options(CLI::App& app, Settings& s) {
  const auto add = [&app](const char* name, auto& variable, const char* help) {
    return app.add_option(name, variable, help)->capture_default_str();
  };
  app.add_option("--data", s.data,
                 "Folder with MNIST's four files, or others of their format, gzipped or not. "
                 "Without it: synthetic digits, made on the spot")
      ->type_name("DIR");
  add("--teacher", s.teacher,
      "The teacher. mlp:A,B,... is a perceptron with hidden layers A, B, ...; cnn:A,B,...,H has "
      "5x5 "
      "convolutions to A, B, ... channels, each with ReLU and pooling, and a hidden layer H; "
      "--list-models prints those that have a name")
      ->type_name("SPEC")
      ->check(valid_text(check_model_spec));
  add("--student", s.student, "The student, likewise")
      ->type_name("SPEC")
      ->check(valid_text(check_model_spec));
  add("--temperature", s.distillation.temperature,
      "T. The student learns from softmax(z / T) of the teacher's logits z. At 1 that is the "
      "teacher's answer, nearly as sharp as the label; higher, it shows which wrong classes are "
      "nearly right. 2 to 5 suits small students, 3 to 10 is usual, far above it is too flat to "
      "tell much")
      ->type_name("T")
      ->check(valid_number([](double t) { check_temperature("--temperature", t); }));
  add("--alpha", s.distillation.alpha,
      "Weight of the labels, from 0 to 1: loss = alpha * CE + (1 - alpha) * T^2 * KL. At 1 the "
      "teacher is not heard")
      ->type_name("A")
      ->check(valid_number(
          [](double a) { DistillationOptions{.temperature = 1, .alpha = a}.check("--alpha"); }));
  add("--teacher-epochs", s.teacher_epochs, "Epochs of the teacher's training")
      ->type_name("N")
      ->check(at_least_1());
  add("--epochs", s.epochs, "Epochs of each student's training")
      ->type_name("N")
      ->check(at_least_1());
  add("--batch-size", s.batch_size, "Images a step")->type_name("N")->check(at_least_1());
  add("--lr", s.lr, "Adam's learning rate at the start; it falls to 0 along half a cosine")
      ->type_name("RATE")
      ->check(above_0());
  app.add_option("--train-size", s.train_size,
                 "Learn from N images only, drawn at random. Without it: from all")
      ->type_name("N")
      ->check(at_least_1());
  add("--seed", s.seed, "Seed of weights, order, dropout, shifts and of what --train-size draws")
      ->type_name("N");
  add("--threads", s.threads, "Threads")->type_name("N")->check(at_least_1());
  add("--teacher-dropout", s.teacher_dropout,
      "The part of the teacher's hidden units that is silent at each step of its training, at "
      "random")
      ->type_name("P")
      ->check(valid_number([](double p) {
        if (!(p >= 0 && p < 1)) fail("number", "must be from 0 to below 1; got {:g}", p);
      }));
  add("--teacher-augment", s.teacher_augment,
      "What is done to the teacher's images, anew every epoch: none; shift, by up to two pixels; "
      "or "
      "distort, which also turns, stretches and bends them")
      ->type_name("HOW")
      ->check(CLI::IsMember(augmentations()));
  add("--augment", s.augment,
      "The same for the students'; the teacher is then asked about every changed image, instead of "
      "once")
      ->type_name("HOW")
      ->check(CLI::IsMember(augmentations()));
  add("--repeats", s.repeats,
      "Train the two students so many times, from other weights, to see what is chance")
      ->type_name("N")
      ->check(at_least_1());
  app.add_flag("--list-models", s.list_models,
               "Print the networks that have a name, with their sizes, and stop");
  app.add_option("--json", s.json, "Write options and results to FILE too")->type_name("FILE");
  app.add_flag("--quiet", s.quiet, "No progress, only the results");
}

nlohmann::ordered_json to_json(const Settings& s) {
  using nlohmann::ordered_json;
  return {{"data", s.data.empty() ? ordered_json(nullptr) : ordered_json(s.data)},
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
          {"repeats", s.repeats},
          {"seed", s.seed},
          {"threads", s.threads}};
}

TrainTest load(const Settings& s) {
  TrainTest data = s.data.empty() ? synthetic_digits() : load_mnist(s.data);
  if (s.train_size > data.train.size()) {
    fail("--train-size", "{} asked of {} training images", s.train_size, data.train.size());
  }
  Rng rng(s.seed);
  if (s.train_size > 0) data.train = data.train.sample(s.train_size, rng);
  return data;
}

// Trains one network and times it. `train` gets the options with the log attached.
template <class Train>
Outcome run(const std::string& title, const std::string& spec, Module& model, TrainOptions options,
            TrainingLog& log, const Train& train) {
  log.say(fmt::format("\n{}: {}, {} parameters", title, spec, thousands(model.parameter_count())));
  log.follow(options);
  const auto start = std::chrono::steady_clock::now();
  Outcome outcome{.title = title, .spec = spec, .parameters = model.parameter_count()};
  options.on_epoch = [&outcome, write_log = options.on_epoch](const EpochReport& epoch) {
    if (write_log) write_log(epoch);
    outcome.peak_bytes.push_back(peak_resident_bytes());
  };
  outcome.epochs = train(options);
  outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  outcome.errors = outcome.epochs.back().errors.value();
  outcome.total = options.test->size();
  return outcome;
}

// For images of MNIST's size.
void list_models() {
  const Shape image{1, 28, 28};
  fmt::print("{:<14}{:>12}{:>16}  {}\n", "model", "parameters", "multiply-adds", "what it is");
  const auto row = [&](const std::string& spec, const std::string& what) {
    Rng rng(0);
    Sequential net = make_model(spec, image, 10, {}, rng);
    fmt::print("{:<14}{:>12}{:>16}  {}\n", spec, thousands(net.parameter_count()),
               thousands(multiply_adds(net, image)), what);
  };
  for (const Preset& preset : model_presets()) row(preset.name, preset.what);
  row("mlp:1200,1200", "the paper's teacher; any widths");
  row("mlp:800,800", "its student");
  row("cnn:32,64,512", "5×5 convolutions and a hidden layer; any widths");
  row("cnn:8,16,32", "a small one");
}

void distill(const Settings& s) {
  set_threads(s.threads);
  std::ofstream json_file;
  if (!s.json.empty()) {
    json_file.open(s.json, std::ios::app);  // a file that cannot be written is best known now
    if (!json_file) fail("--json", "{} cannot be written", s.json);
    json_file.close();
  }
  TrainingLog log(s.quiet);
  const TrainTest data = load(s);
  const Dataset& train = data.train;
  const Dataset& test = data.test;
  log.say(fmt::format("{}: {} images to learn from, {} to be tested on; {} threads",
                      s.data.empty() ? "synthetic digits" : s.data, thousands(train.size()),
                      thousands(test.size()), s.threads));

  const Rng root(s.seed);
  const auto make = [&](const std::string& spec, double dropout, std::uint64_t stream) {
    Rng rng = root.child(stream);
    return make_model(spec, train.image, train.classes, {.dropout = dropout}, rng);
  };
  TrainOptions options{
      .epochs = s.epochs, .batch_size = s.batch_size, .lr = s.lr, .seed = s.seed, .test = &test};
  TrainOptions teacher_options = options;
  teacher_options.epochs = s.teacher_epochs;
  teacher_options.augment = augmentations().at(s.teacher_augment);
  options.augment = augmentations().at(s.augment);

  DistillReport report;
  Sequential teacher = make(s.teacher, s.teacher_dropout, 0);
  report.teacher = run("teacher", s.teacher, teacher, teacher_options, log,
                       [&](const TrainOptions& o) { return train_classifier(teacher, train, o); });
  const Tensor teacher_logits = logits_of(teacher, test);
  for (Index repeat = 0; repeat < s.repeats; ++repeat) {
    // Both students start from the same weights and see the images in the same order.
    const auto stream = static_cast<std::uint64_t>(repeat) + 1;
    Sequential hard = make(s.student, 0, stream);
    Sequential distilled = make(s.student, 0, stream);
    options.seed = s.seed + static_cast<std::uint64_t>(repeat);
    Distiller distiller(teacher, distilled, s.distillation);
    StudentPair pair;
    pair.hard = run("student, hard labels", s.student, hard, options, log,
                    [&](const TrainOptions& o) { return train_classifier(hard, train, o); });
    pair.hard.agreement = agreement(predict(hard, test), argmax_last(teacher_logits));
    pair.distilled = run("student, distilled", s.student, distilled, options, log,
                         [&](const TrainOptions& o) { return distiller.fit(train, o); });
    pair.distilled.agreement = pair.distilled.epochs.back().agreement;
    report.students.push_back(std::move(pair));
  }

  log.say(fmt::format("\npeak resident size: {}", file_size(peak_resident_bytes())));
  log.say("");
  const double t = s.distillation.temperature;
  for (const Index image : telling_images(teacher_logits, test)) {
    const auto row = teacher_logits.values().subspan(static_cast<std::size_t>(image * test.classes),
                                                     static_cast<std::size_t>(test.classes));
    const std::int32_t digit = test.class_ids[static_cast<std::size_t>(image)];
    fmt::print("What the teacher says of test image {}, {} {}\n{}\n", image,
               digit == 8 ? "an" : "a", digit,
               soft_target_picture(test.pixels_of(image), test.image, row, t));
  }
  fmt::print("{}\n{}", report.table(), report.verdict());
  if (!s.json.empty()) {
    json_file.open(s.json);
    json_file << report.json(to_json(s)).dump(2) << "\n";
    if (!json_file.flush()) fail("--json", "{} cannot be written", s.json);
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Trains a large teacher, a small student on hard labels, and the same student from the "
      "teacher's answers at temperature T, and shows what distillation bought.",
      "mnist_distill");
  Settings settings;
  add_options(app, settings);
  return run_program(app, argc, argv,
                     [&] { settings.list_models ? list_models() : distill(settings); });
}
