#include "apps/distill/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "apps/common/augmentations.h"
#include "apps/common/calibration.h"
#include "apps/common/class_names.h"
#include "apps/common/distill_report.h"
#include "apps/common/json_text.h"
#include "apps/common/memory.h"
#include "apps/common/model_options.h"
#include "apps/common/run_log.h"
#include "apps/common/soft_targets.h"
#include "apps/common/training_log.h"
#include "apps/distill/checkpoints.h"
#include "apps/distill/exports.h"
#include "apps/distill/normalise.h"
#include "apps/distill/teacher.h"
#include "apps/distill/trials.h"
#include "apps/report/report.h"
#include "core/error.h"
#include "core/files/file.h"
#include "core/files/npy.h"
#include "core/ops/reduce.h"
#include "core/storage.h"
#include "core/text.h"
#include "nn/distill/distiller.h"
#include "nn/export/fake_quantized.h"
#include "nn/saved_model.h"
#include "nn/train/evaluate.h"
#include "nn/weights.h"

namespace limbeck {
namespace {

ImageSets load(const DistillSettings& s) {
  ImageSets data = load(s.data);
  if (s.train_size > data.train.size()) {
    fail("--train-size", "{} asked of {} training images", s.train_size, data.train.size());
  }
  Rng rng(s.seed);
  if (s.train_size > 0) data.train = data.train.sample(s.train_size, rng);
  return data;
}

// What the networks of a run are called in files: "student-hard", "student-hard-2".
std::string file_name(const char* network, Index repeat) {
  return repeat == 0 ? network : fmt::format("{}-{}", network, repeat + 1);
}

class DistillRun final : private RunTools {
 public:
  explicit DistillRun(const DistillSettings& settings)
      : s_(settings),
        log_(settings.quiet),
        data_(load(settings)),
        checkpoints_(settings),
        root_(settings.seed) {
    for (const std::string& folder : {s_.save, s_.checkpoint, s_.resume, s_.log_dir}) {
      if (!folder.empty() && s_.is_first()) locks_.emplace_back("mnist_distill", folder);
    }
    try_networks(s_, data_.train, *this);
    try_trainings(s_, data_.train, *this);
    if (!s_.log_dir.empty()) {
      run_log_.emplace(s_.log_dir, s_.resume.empty() ? LogStart::anew : LogStart::resumed);
    }
    log_.say(fmt::format(
        "{}: {} images to learn from, {} to be tested on; {}{} threads", s_.data.name(),
        thousands(data_.train.size()), thousands(data_.test.size()),
        s_.ranks != nullptr ? fmt::format("{} ranks of ", s_.ranks->size()) : "", s_.threads));
    for (const std::string& note : data_.notes) log_.say(note);
  }

  void run() {
    if (s_.teacher_logits.empty()) {
      get_teacher();
    } else {
      teacher_logits_ = read_npy(s_.teacher_logits);
    }
    if (s_.chains.steps() > 0) between_ = train_between(s_, data_, *teacher_, *this, report_);
    if (!s_.save_logits.empty()) write_npy(s_.save_logits, logits_of(*teacher_, data_.train));
    for (Index repeat = 0; repeat < s_.repeats; ++repeat) train_students(repeat);
    std::string remark;
    try {
      remark = use_student();
    } catch (const Stopped&) {
      throw;  // the rest of the run is to come
    } catch (...) {
      try {
        tell("");                        // of trainings that were well done
      } catch (const std::exception&) {  // what failed first is what is told
      }
      throw;
    }
    tell(remark);
  }

 private:
  Sequential make(const std::string& spec, double dropout, std::uint64_t stream) const override {
    Rng rng = root_.child(stream);
    return make_model(spec, data_.train.image, data_.train.classes,
                      model_options(spec, data_.train, dropout), rng);
  }

  void get_teacher() {
    if (std::optional<GivenTeacher> given = given_teacher(s_, data_, *this)) {
      teacher_ = std::move(given->network);
      report_.teacher = given->outcome;
      if (!given->saved) return;
      keep("teacher", *teacher_, *report_.teacher, {}, given->input);
    } else {
      set_step(1);
      teacher_ = make(s_.teacher, s_.teacher_dropout, 0);
      report_.teacher =
          train("teacher", "teacher", s_.teacher, {}, *teacher_, options_of(true, true),
                [&](const TrainOptions& o) { return train_classifier(*teacher_, data_.train, o); });
      keep("teacher", *teacher_, *report_.teacher, {});
    }
  }

  void train_students(Index repeat) {
    // Both begin with the same weights and see the images in the same order.
    const auto stream = static_cast<std::uint64_t>(repeat) + 1;
    Sequential hard = make(s_.student, 0, stream), distilled = make(s_.student, 0, stream);
    const auto options = [&](bool on_labels) {
      return usual_options(s_.epochs, s_.augment, s_.seed + static_cast<std::uint64_t>(repeat),
                           on_labels);
    };
    const std::string hard_file = file_name("student-hard", repeat);
    const std::string distilled_file = file_name("student-distilled", repeat);
    StudentPair pair;
    set_step(0);
    pair.hard =
        train("student, hard labels", hard_file, s_.student, {}, hard, options(true),
              [&](const TrainOptions& o) { return train_classifier(hard, data_.train, o); });
    set_step(s_.chains.steps());
    if (s_.chains.mutual > 0) {
      learn_mutually(pair, distilled, repeat);
    } else {
      pair.distilled =
          train("student, distilled", distilled_file, s_.student,
                s_.method.given() ? std::nullopt : std::optional(temperature()), distilled,
                options(false), [&](const TrainOptions& o) { return distil(distilled, o); });
    }
    if (teacher_) {
      pair.hard.agreement = agreement(predict(hard, data_.test), predict(*teacher_, data_.test));
      pair.distilled.agreement =
          agreement(predict(distilled, data_.test), predict(*teacher_, data_.test));
    }
    keep(hard_file, hard, pair.hard, {});
    if (s_.chains.mutual == 0) keep(distilled_file, distilled, pair.distilled, lesson_);
    report_.students.push_back(std::move(pair));
    if (repeat == 0) first_ = {std::move(hard), std::move(distilled)};
  }

  // Students that teach one another, in place of a distilled one: the first of them.
  void learn_mutually(StudentPair& pair, Sequential& first, Index repeat) {
    Cohort cohort = train_mutually(s_, data_, repeat, *this);
    const auto decisions = predict(*teacher_, data_.test);
    for (std::size_t k = 0; k < cohort.students.size(); ++k) {
      cohort.outcomes[k].agreement = agreement(predict(cohort.students[k], data_.test), decisions);
    }
    first = std::move(cohort.students.front());
    pair.distilled = std::move(cohort.outcomes.front());
    pair.peers.assign(cohort.outcomes.begin() + 1, cohort.outcomes.end());
    report_.way = "mutual learning";
    temperature_ = mutual_options(s_).temperature;
  }

  // Who teaches the students: the teacher, or the last of those between.
  Sequential* student_teacher() {
    if (!between_.empty()) return &between_.back();
    return teacher_ ? &*teacher_ : nullptr;
  }

  // The first distilled student goes on, with weights of a few bits. Its answers are those of the
  // integers that it becomes, to the bit.
  void train_integers() {
    FakeQuantized student(first_->distilled, calibration_images(data_.train), {.bits = s_.bits});
    const auto add = [&](Outcome outcome) {
      outcome.bytes_each = 1;
      if (teacher_) {
        outcome.agreement = agreement(predict(student, data_.test), predict(*teacher_, data_.test));
      }
      report_.integers.push_back(std::move(outcome));
    };
    add({.title = fmt::format("rounded to {} bits", s_.bits),
         .spec = s_.student,
         .parameters = student.parameter_count(),
         .errors = count_errors(student, data_.test),
         .total = data_.test.size()});
    const TrainOptions options = options_with_bits(s_, *this);
    set_step(0);
    add(train(fmt::format("trained in {} bits", s_.bits), "student-integers", s_.student, {},
              student, options, [&](const TrainOptions& o) { return distil(student, o); }));
    integers_.emplace(student.quantized());
  }

  // The T of pictures of soft answers.
  double temperature() const { return temperature_.value_or(s_.distillation.temperature); }

  std::vector<EpochReport> distil(Module& student, const TrainOptions& options) {
    Sequential* const teacher = student_teacher();
    if (!between_.empty()) {
      log_.say(fmt::format("  its teacher is {}", report_.steps.back().title));
    }
    if (s_.method.given()) {
      const Objective objective = s_.method.make(student, teacher, data_.train.image);
      log_.say(fmt::format("  it learns {}", objective.str()));
      lesson_ = {{"objective", objective.str()}};
      temperature_ = temperature_of(objective);
      if (teacher != nullptr) {
        return Distiller(*teacher, student, objective).fit(data_.train, options);
      }
      return distill_from_logits(teacher_logits_, student, data_.train, objective, options);
    }
    lesson_ = {{"temperature", fmt::format("{:g}", s_.distillation.temperature)},
               {"alpha", fmt::format("{:g}", s_.distillation.alpha)}};
    if (teacher != nullptr) {
      return Distiller(*teacher, student, s_.distillation).fit(data_.train, options);
    }
    return distill_from_logits(teacher_logits_, student, data_.train, s_.distillation, options);
  }

  TrainOptions usual_options(Index epochs, const std::string& augment, std::uint64_t seed,
                             bool on_labels) const {
    TrainOptions options{.epochs = epochs, .batch_size = s_.batch_size, .lr = s_.lr, .seed = seed};
    s_.training.apply(options, on_labels);
    // With images held back to judge by, those of the test set are for the end.
    if (options.validation_split == 0) options.test = &data_.test;
    options.augment = augmentation_of(augment);
    options.ranks = s_.ranks;
    return options;
  }

  TrainOptions options_of(bool teacher, bool on_labels) const override {
    return teacher ? usual_options(s_.teacher_epochs, s_.teacher_augment, s_.seed, on_labels)
                   : usual_options(s_.epochs, s_.augment, s_.seed, on_labels);
  }
  void set_step(Index number) override { step_ = number; }
  void say(const std::string& line) override { log_.say(line); }

  // Trains one network and times it. `work` gets the options with log and checkpoint attached.
  Outcome train(const std::string& title, const std::string& file, const std::string& spec,
                std::optional<double> temperature, Module& model, TrainOptions options,
                const Work& work) override {
    model.set_name(file);  // for errors
    const bool in_chain = step_ > 0 && s_.chains.steps() > 0;
    log_.say(fmt::format("\n{}{}: {}, {} parameters",
                         in_chain ? fmt::format("step {} of {}, ", step_, s_.chains.steps()) : "",
                         title, spec, thousands(model.parameter_count())));
    log_.follow(options);
    options.checkpoint = checkpoints_.of(file);
    if (run_log_) {
      run_log_->follow(options, file, temperature, epochs_done(options.checkpoint));
    }
    const auto start = std::chrono::steady_clock::now();
    Outcome outcome{.title = title, .spec = spec, .parameters = model.parameter_count()};
    options.on_epoch = [&outcome, write_log = options.on_epoch](const EpochReport& epoch) {
      if (write_log) write_log(epoch);
      outcome.peak_bytes.push_back(peak_resident_bytes());
    };
    outcome.epochs = work(options);
    outcome.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const std::size_t before = outcome.epochs.size() - outcome.peak_bytes.size();
    for (std::size_t i = 0; i < before; ++i) outcome.seconds += outcome.epochs[i].seconds;
    if (before > 0) log_.say(fmt::format("  {} epochs of them before this run", before));
    outcome.errors = count_errors(predict(model, data_.test, s_.ranks), data_.test);
    outcome.total = data_.test.size();
    return outcome;
  }

  void keep(const std::string& file, Sequential& network, const Outcome& outcome,
            const Metadata& more) const override {
    keep(file, network, outcome, more, {});
  }

  void keep(const std::string& file, Sequential& network, const Outcome& outcome,
            const Metadata& more, const InputOptions& input) const {
    if (s_.save.empty()) return;
    ModelInfo info{.spec = outcome.spec,
                   .image = data_.train.image,
                   .classes = data_.train.classes,
                   .more = more,
                   .input = input};
    info.more["errors"] = fmt::format("{} of {}", outcome.errors, outcome.total);
    info.more["seed"] = fmt::format("{}", s_.seed);
    if (!data_.class_names.empty())
      info.more[class_names_key] = json_text(nlohmann::json(data_.class_names));
    save_model(network, s_.save + "/" + file + ".safetensors", info);
  }

  // Of test images or, where there are only logits for them, of training images.
  void print_pictures() {
    const Dataset& images = teacher_ ? data_.test : data_.train;
    const Tensor logits = teacher_ ? logits_of(*teacher_, images) : teacher_logits_;
    for (const Index image : telling_images(logits, images)) {
      const auto row = logits.values().subspan(static_cast<std::size_t>(image * images.classes),
                                               static_cast<std::size_t>(images.classes));
      fmt::print("What the teacher says of {} image {}, {}\n{}\n", teacher_ ? "test" : "training",
                 image, class_in_words(images.label_of(image), data_.class_names),
                 soft_target_picture(images.pixels_of(image), images.image, row, temperature(),
                                     data_.class_names));
    }
  }

  // What becomes of the first distilled student. Returns what is to be said of that.
  std::string use_student() {
    if (s_.bits > 0) train_integers();
    const std::string remark =
        export_student(s_, data_.train, data_.test, report_, first_->distilled, integers_);
    if (!s_.report.empty()) write_report();
    return remark;
  }

  // What the run found. Files first: the reader of what is printed may have gone.
  void tell(const std::string& remark) {
    if (!s_.json.empty()) write_json();
    log_.say(fmt::format("\npeak resident size: {}\n", file_size(peak_resident_bytes())));
    print_pictures();
    fmt::print("{}\n{}{}", report_.table(), report_.verdict(), remark);
  }

  void write_report() {
    const std::string page =
        report_page({.results = report_,
                     .options = to_json(s_),
                     .test = data_.test,
                     .class_names = data_.class_names,
                     .teacher_logits = logits_of(*teacher_, data_.test),
                     .hard_logits = logits_of(first_->hard, data_.test),
                     .distilled_logits = logits_of(first_->distilled, data_.test),
                     .hard = first_->hard,
                     .distilled = first_->distilled,
                     .temperature = temperature()});
    write_file("--report", s_.report, page);
    log_.say(fmt::format("report: {}", s_.report));
  }

  void write_json() const {
    write_file("--json", s_.json, json_text(report_.json(to_json(s_)), 2) + "\n");
  }

  const DistillSettings& s_;
  TrainingLog log_;
  ImageSets data_;
  Checkpoints checkpoints_;
  std::optional<RunLog> run_log_;
  Rng root_;
  std::optional<Sequential> teacher_;
  std::vector<Sequential> between_;  // those that teacher and students have between them
  Index step_ = 0;                   // of a chain, that is trained now; 0: none
  Tensor teacher_logits_;            // (N, C) of the training images, where there is no teacher
  struct Students {
    Sequential hard, distilled;
  };
  std::optional<Students> first_;             // of the first repeat
  std::optional<QuantizedNetwork> integers_;  // that distilled one
  Metadata lesson_;                           // what the distilled student learned, for its file
  std::optional<double> temperature_;
  DistillReport report_{};
  std::vector<FolderLock> locks_;
};

// As this rank works: who is not the first keeps and prints nothing.
DistillSettings settings_of(const DistillSettings& settings, const Ranks& ranks) {
  DistillSettings own = settings;
  if (ranks.size() == 1) return own;
  own.ranks = &ranks;
  if (own.given_threads.empty()) own.threads = threads();
  if (ranks.first()) return own;
  for (std::string* const file : {&own.save, &own.save_logits, &own.export_onnx, &own.export_c,
                                  &own.export_c_int8, &own.json, &own.log_dir, &own.report}) {
    file->clear();
  }
  own.quiet = true;
  return own;
}

}  // namespace

void run_distill(const DistillSettings& given, const Ranks& ranks) {
  const DistillSettings settings = settings_of(given, ranks);
  check(settings);
  set_threads(settings.threads);
  try {
    DistillRun(with_normalise(settings)).run();
  } catch (const Stopped& stopped) {
    const std::string& folder = settings.resume.empty() ? settings.checkpoint : settings.resume;
    throw Stopped("mnist_distill", fmt::format("{}; go on with --resume {} and the same options",
                                               stopped.rule(), folder));
  }
}

}  // namespace limbeck
