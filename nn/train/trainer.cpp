#include "nn/train/trainer.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <span>

#include "core/error.h"
#include "core/files/checksum.h"
#include "nn/losses.h"
#include "nn/train/evaluate.h"
#include "nn/weights.h"
#include "optim/adam.h"
#include "optim/average.h"

namespace limbeck {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Training mode while it lives, then each part as it was.
class TrainMode {
 public:
  explicit TrainMode(Module& model) : modes_(model) { model.train(); }

 private:
  RestoreModes modes_;
};

std::unique_ptr<Optimizer> make_optimizer(std::vector<Tensor> parameters,
                                          const TrainOptions& options) {
  if (options.optimizer) return options.optimizer(std::move(parameters), options.lr);
  return std::make_unique<Adam>(std::move(parameters), AdamOptions{.lr = options.lr});
}

// The averages in the model while it lives; then its own weights again, also after an exception.
class Averaged {
 public:
  explicit Averaged(WeightAverage* average) : average_(average) {
    if (average_ != nullptr) average_->swap();
  }
  ~Averaged() {
    if (average_ != nullptr) average_->swap();
  }
  Averaged(const Averaged&) = delete;
  Averaged& operator=(const Averaged&) = delete;

 private:
  WeightAverage* average_;
};

void check_options(const TrainOptions& options) {
  if (options.epochs < 1) fail("train", "epochs must be at least 1; got {}", options.epochs);
  if (options.views > 0 && !options.augment) {
    fail("train", "views are ways to augment the images, and there is no augmentation");
  }
}

// Error: more than can be counted.
Index steps_of(Index epochs, Index batches) {
  Index steps = 0;
  if (__builtin_mul_overflow(epochs, batches, &steps)) {
    fail("train", "{} epochs of {} batches are more steps than can be counted", epochs, batches);
  }
  return steps;
}

// What a moving average is of: all that a network computes with and training changes.
std::vector<Tensor> averaged_of(Module& model) {
  std::vector<Tensor> tensors = model.parameters();
  for (const NamedTensor& buffer : model.named_buffers()) tensors.push_back(buffer.tensor);
  return tensors;
}

// Sums of an epoch, weighted by the number of images in each batch.
class Means {
 public:
  void add(const detail::LossParts& loss, std::span<const std::int32_t> class_ids) {
    const auto n = static_cast<double>(class_ids.size());
    images_ += n;
    total_ += n * static_cast<double>(loss.total.item());
    soft_ += n * loss.soft;
    const auto labelled =
        static_cast<double>(std::ranges::count_if(class_ids, [](auto c) { return c >= 0; }));
    if (labelled == 0) return;
    labelled_ += labelled;
    hard_ += labelled * loss.hard;
  }
  void write_to(EpochReport& report) const {
    report.loss = total_ / images_;
    report.hard = hard_ / labelled_;  // NaN if there are none
    report.soft = soft_ / images_;
  }
  std::array<double, 5> sums() const { return {images_, total_, hard_, soft_, labelled_}; }
  void set_sums(const std::array<double, 5>& sums) {
    images_ = sums[0], total_ = sums[1], hard_ = sums[2], soft_ = sums[3], labelled_ = sums[4];
  }

 private:
  double images_ = 0, total_ = 0, hard_ = 0, soft_ = 0, labelled_ = 0;
};

void judge(EpochReport& report, Module& model, const Dataset& test,
           const std::vector<std::int32_t>* teacher_decisions) {
  const std::vector<std::int32_t> decisions = predict(model, test);
  report.errors = count_errors(decisions, test);
  if (teacher_decisions != nullptr) report.agreement = agreement(decisions, *teacher_decisions);
  std::string never;
  for (std::int32_t c = 0; c < test.classes; ++c) {
    const bool occurs = std::ranges::find(test.class_ids, c) != test.class_ids.end();
    if (!occurs || std::ranges::find(decisions, c) != decisions.end()) continue;
    never += fmt::format("{}{}", never.empty() ? "" : ", ", c);
  }
  if (!never.empty()) {
    report.warnings.push_back(fmt::format("the model never decides for class {}", never));
  }
}

// A training under way.
class Run {
 public:
  Run(Module& model, const Dataset& train, const TrainOptions& options,
      const detail::BatchLoss& batch_loss, const std::vector<std::int32_t>* teacher_decisions,
      detail::TrainingFacts facts)
      : model_(model),
        train_(train),
        options_(options),
        batch_loss_(batch_loss),
        teacher_decisions_(teacher_decisions),
        classes_(train.classes),
        rng_(options.seed),
        loader_(train,
                {.batch_size = options.batch_size,
                 .shuffle = true,
                 .drop_last = options.drop_last,
                 .augment = options.augment,
                 .views = options.views},
                rng_),
        steps_(steps_of(options.epochs, loader_.batches())),
        schedule_(options.schedule ? options.schedule : cosine({.total = steps_})),
        optimizer_(make_optimizer(model.parameters(), options)),
        facts_(std::move(facts)) {
    if (options.weight_average != 0) average_.emplace(averaged_of(model), options.weight_average);
    if (options.test != nullptr) options.test->check_labelled("train, on the test set");
  }

  std::vector<EpochReport> run() {
    const TrainMode train_mode(model_);
    if (!model_.is_training()) {
      fail("train", "the model cannot be trained while an EvalMode holds it in evaluation mode");
    }
    go_on();
    while (static_cast<Index>(at_.reports.size()) < options_.epochs) epoch();
    if (average_) average_->swap();  // the model is left with it
    return at_.reports;
  }

 private:
  detail::Learner learner() { return {model_, *optimizer_, average_ ? &*average_ : nullptr}; }

  void go_on() {
    if (options_.checkpoint.file.empty()) return;
    add_facts();
    if (auto position = detail::read_checkpoint(options_.checkpoint, facts_, learner())) {
      at_ = std::move(*position);
      const auto epochs = static_cast<Index>(at_.reports.size());
      if (epochs > options_.epochs || at_.batches < 0 || at_.batches > loader_.batches()) {
        fail("checkpoint", "{}: its epoch {}, batch {} is none of this training",
             options_.checkpoint.file, epochs + 1, at_.batches);
      }
      if (optimizer_->steps() != epochs * loader_.batches() + at_.batches) {
        fail("checkpoint", "{}: {} steps are not those of its epochs and batches",
             options_.checkpoint.file, optimizer_->steps());
      }
      means_.set_sums(at_.sums);
      loader_.skip_epochs(epochs);
    }
  }

  // Of what the numbers of this training are made, beside its loss.
  void add_facts() {
    const auto yes = [](bool on) { return on ? "yes" : "no"; };
    const auto text = [](const auto& value) { return fmt::format("{}", value); };
    facts_["network"] = detail::layers_of(model_);
    facts_["training images"] = train_.checksum();
    facts_["epochs"] = text(options_.epochs);
    facts_["batch size"] = text(options_.batch_size);
    facts_["drop_last"] = yes(options_.drop_last);
    facts_["learning rate"] = text(options_.lr);
    facts_["optimizer"] = optimizer_->describe();
    facts_["schedule"] = options_.schedule
                             ? fmt::format("{:g}, {:g}, {:g}", schedule_(0), schedule_(steps_ / 2),
                                           schedule_(steps_ - 1))
                             : "half a cosine";
    facts_["augmentation"] = yes(static_cast<bool>(options_.augment));
    facts_["views"] = text(options_.views);
    facts_["seed"] = text(options_.seed);
    facts_["weight_average"] = text(options_.weight_average);
    facts_["after_step"] = yes(static_cast<bool>(options_.after_step));
  }

  void epoch() {
    const auto start = Clock::now();
    const double before = at_.seconds;
    for (auto batch = loader_.begin(at_.batches); !(batch == loader_.end()); ++batch) {
      step(*batch);
      at_.seconds = before + seconds_since(start);
      if (options_.checkpoint.stop && options_.checkpoint.stop()) stop();
    }
    EpochReport report{.epoch = static_cast<Index>(at_.reports.size()) + 1,
                       .epochs = options_.epochs,
                       .lr = options_.lr * schedule_(optimizer_->steps() - 1),
                       .seconds = at_.seconds};
    means_.write_to(report);
    warn_of_guessing(report);
    {
      const Averaged averaged(average_ ? &*average_ : nullptr);
      if (options_.test != nullptr) judge(report, model_, *options_.test, teacher_decisions_);
      if (options_.on_epoch) options_.on_epoch(report);
    }
    at_.reports.push_back(std::move(report));
    at_.batches = 0, at_.seconds = 0;
    means_ = Means();
    if (!options_.checkpoint.file.empty()) write_checkpoint();
  }

  void step(Batch& batch) {
    const Index step = optimizer_->steps();
    optimizer_->set_lr(options_.lr * schedule_(step));
    const double done =
        static_cast<double>(step) / static_cast<double>(std::max<Index>(steps_ - 1, 1));
    const detail::LossParts loss = batch_loss_(batch, model_(batch.images), done);
    const Progress progress{.epoch = static_cast<Index>(at_.reports.size()) + 1,
                            .epochs = options_.epochs,
                            .batch = ++at_.batches,
                            .batches = loader_.batches(),
                            .loss = static_cast<double>(loss.total.item())};
    if (!std::isfinite(progress.loss)) {
      fail("train",
           "the loss is {} at batch {} of epoch {}; the learning rate, {:g}, may be too high; "
           "DetectAnomaly (core/inspect/debug.h) names the op that made the first such value",
           std::abs(progress.loss),  // NaN without the sign that the processor gives it
           progress.batch, progress.epoch, options_.lr);
    }
    optimizer_->minimize(loss.total);
    if (options_.after_step) options_.after_step();
    if (average_) average_->update();
    means_.add(loss, batch.class_ids);
    if (options_.on_batch) options_.on_batch(progress);
  }

  void write_checkpoint() {
    at_.sums = means_.sums();
    detail::write_checkpoint(options_.checkpoint, facts_, learner(), at_);
  }

  [[noreturn]] void stop() {
    if (!options_.checkpoint.file.empty()) write_checkpoint();
    throw Stopped("train", fmt::format("stopped after batch {} of epoch {}", at_.batches,
                                       at_.reports.size() + 1));
  }

  void warn_of_guessing(EpochReport& report) const {
    const double guessing = std::log(static_cast<double>(classes_));
    if (!(report.hard >= guessing)) return;  // also where no image has a label
    report.warnings.push_back(
        fmt::format("the loss on the labels, {:.3f}, is not below ln {} = {:.3f}, which guessing "
                    "gives",
                    report.hard, classes_, guessing));
  }

  Module& model_;
  const Dataset& train_;
  const TrainOptions& options_;
  const detail::BatchLoss& batch_loss_;
  const std::vector<std::int32_t>* teacher_decisions_;
  Index classes_;
  Rng rng_;
  DataLoader loader_;
  Index steps_;  // of the whole training
  Schedule schedule_;
  std::unique_ptr<Optimizer> optimizer_;
  std::optional<WeightAverage> average_;
  detail::TrainingFacts facts_;
  detail::TrainingPosition at_;
  Means means_;
};

}  // namespace

namespace detail {

std::vector<EpochReport> run_epochs(Module& model, const Dataset& train,
                                    const TrainOptions& options, const BatchLoss& batch_loss,
                                    const std::vector<std::int32_t>* teacher_decisions,
                                    TrainingFacts facts) {
  check_options(options);
  return Run(model, train, options, batch_loss, teacher_decisions, std::move(facts)).run();
}

std::string layers_of(Module& model) {
  std::string text;
  for (const auto& [name, module] : model.named_modules()) {
    text += fmt::format("{}{}", text.empty() ? "" : ", ", module->describe());
  }
  return text;
}

std::string checksum_of(Module& model) {
  Checksum sum;
  for (const NamedTensor& part : named_state(model)) sum.add(part.tensor);
  return sum.str();
}

}  // namespace detail

std::vector<EpochReport> train_classifier(Module& model, const Dataset& train,
                                          const TrainOptions& options) {
  train.check_labelled("train");
  return detail::run_epochs(model, train, options,
                            [](const Batch& batch, const Tensor& logits, double) {
                              const Tensor loss = cross_entropy(logits, batch.class_ids);
                              return detail::LossParts{.total = loss,
                                                       .hard = static_cast<double>(loss.item()),
                                                       .soft = 0};
                            },
                            nullptr, {{"loss", "cross-entropy"}});
}

}  // namespace limbeck
