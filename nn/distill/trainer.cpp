#include "nn/distill/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "core/error.h"
#include "nn/distill/evaluate.h"
#include "nn/losses.h"
#include "optim/adam.h"
#include "optim/average.h"

namespace limbeck {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Training mode while it lives, then each part as it was: EvalMode remembers, and gives back.
class TrainMode {
 public:
  explicit TrainMode(Module& model) : restore_(model) { model.train(); }

 private:
  EvalMode restore_;
};

void check_options(const TrainOptions& options) {
  if (options.epochs < 1) fail("train", "epochs must be at least 1; got {}", options.epochs);
}

// Sums of an epoch, weighted by the number of images in each batch.
class Means {
 public:
  void add(const DistillationLoss& loss, std::size_t images) {
    const auto n = static_cast<double>(images);
    images_ += n;
    total_ += n * static_cast<double>(loss.total.item());
    hard_ += n * loss.hard;
    soft_ += n * loss.soft;
  }
  void write_to(EpochReport& report) const {
    report.loss = total_ / images_;
    report.hard = hard_ / images_;
    report.soft = soft_ / images_;
  }

 private:
  double images_ = 0, total_ = 0, hard_ = 0, soft_ = 0;
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

}  // namespace

namespace detail {

std::vector<EpochReport> run_epochs(Module& model, const Dataset& train,
                                    const TrainOptions& options, const BatchLoss& batch_loss,
                                    const std::vector<std::int32_t>* teacher_decisions) {
  check_options(options);
  Rng rng(options.seed);
  DataLoader loader(train,
                    {.batch_size = options.batch_size,
                     .shuffle = true,
                     .augment = options.augment,
                     .views = options.views},
                    rng);
  const Index steps = options.epochs * loader.batches();
  const Schedule schedule = options.schedule ? options.schedule : cosine({.total = steps});
  const TrainMode train_mode(model);
  Adam adam(model.parameters(), {.lr = options.lr});
  std::optional<WeightAverage> average;
  if (options.weight_average != 0) average.emplace(model.parameters(), options.weight_average);
  const double guessing = std::log(static_cast<double>(train.classes));
  std::vector<EpochReport> reports;
  Index step = 0;
  for (Index epoch = 1; epoch <= options.epochs; ++epoch) {
    const auto start = Clock::now();
    Means means;
    Progress progress{.epoch = epoch,
                      .epochs = options.epochs,
                      .batch = 0,
                      .batches = loader.batches(),
                      .loss = 0};
    for (Batch& batch : loader) {
      adam.set_lr(options.lr * schedule(step));
      const double done = static_cast<double>(step++) / static_cast<double>(steps);
      const DistillationLoss loss = batch_loss(batch, model(batch.images), done);
      progress.loss = static_cast<double>(loss.total.item());
      ++progress.batch;
      if (!std::isfinite(progress.loss)) {
        fail("train",
             "the loss is {} at batch {} of epoch {}; the learning rate, {:g}, may be too "
             "high",
             std::abs(progress.loss),  // NaN without the sign that the processor gives it
             progress.batch, epoch, options.lr);
      }
      adam.minimize(loss.total);
      if (options.after_step) options.after_step();
      if (average) average->update();
      means.add(loss, batch.class_ids.size());
      if (options.on_batch) options.on_batch(progress);
    }
    EpochReport report{.epoch = epoch, .epochs = options.epochs, .lr = adam.lr()};
    means.write_to(report);
    report.seconds = seconds_since(start);
    if (report.hard >= guessing) {
      report.warnings.push_back(
          fmt::format("the loss on the labels, {:.3f}, is not below ln {} = {:.3f}, which guessing "
                      "gives",
                      report.hard, train.classes, guessing));
    }
    if (average) average->swap();
    if (options.test != nullptr) judge(report, model, *options.test, teacher_decisions);
    if (average && epoch < options.epochs) average->swap();
    if (options.on_epoch) options.on_epoch(report);
    reports.push_back(std::move(report));
  }
  return reports;
}

}  // namespace detail

std::vector<EpochReport> train_classifier(Module& model, const Dataset& train,
                                          const TrainOptions& options) {
  return detail::run_epochs(
      model, train, options,
      [](const Batch& batch, const Tensor& logits, double) {
        const Tensor loss = cross_entropy(logits, batch.class_ids);
        return DistillationLoss{.total = loss, .hard = static_cast<double>(loss.item()), .soft = 0};
      },
      nullptr);
}

}  // namespace limbeck
