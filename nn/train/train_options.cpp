#include "nn/train/train_options.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "nn/train/judge.h"
#include "nn/train/ranks.h"
#include "optim/adam.h"

namespace limbeck {

void check_training(const Dataset& train, const TrainOptions& options) {
  detail::check(options);
  const detail::HeldOut held = detail::hold_out(train, options);
  Rng rng(options.seed);
  const DataLoader loader(train, detail::loader_options(options, held.learned), rng);
  const Index accumulate = std::min(options.accumulate, loader.batches());
  const Index steps = detail::steps_of(options.epochs, loader.batches(), accumulate);
  static_cast<void>(detail::make_schedule(steps, options));
  detail::check_judges(options, held);
}

namespace detail {

std::unique_ptr<Optimizer> make_optimizer(std::vector<Tensor> parameters,
                                          const TrainOptions& options) {
  if (options.optimizer) return options.optimizer(std::move(parameters), options.lr);
  return std::make_unique<Adam>(std::move(parameters), AdamOptions{.lr = options.lr});
}

DataLoaderOptions loader_options(const TrainOptions& options, const std::vector<Index>& only) {
  return {.batch_size = options.batch_size,
          .shuffle = true,
          .drop_last = options.drop_last,
          .augment = options.augment,
          .views = options.views,
          .mix = options.mix,
          .only = only,
          .part = options.ranks != nullptr ? options.ranks->rank() : 0,
          .parts = options.ranks != nullptr ? options.ranks->size() : 1,
          .threads = options.loader_threads};
}

Index steps_of(Index epochs, Index batches, Index accumulate) {
  Index steps = 0;
  if (__builtin_mul_overflow(epochs, (batches + accumulate - 1) / accumulate, &steps)) {
    fail("train", "{} epochs of {} batches are more steps than can be counted", epochs, batches);
  }
  return steps;
}

Schedule make_schedule(Index steps, const TrainOptions& options) {
  if (options.schedule) return options.schedule;
  if (options.schedule_of) return options.schedule_of(steps);
  return options.plateau ? constant() : cosine({.total = steps});
}

void check(const TrainOptions& options) {
  const auto at_least = [](const char* name, Index least, Index value) {
    if (value < least) fail("train", "{} must be at least {}; got {}", name, least, value);
  };
  at_least("epochs", 1, options.epochs);
  at_least("accumulate", 1, options.accumulate);
  at_least("patience", 0, options.patience);
  at_least("loader_threads", 1, options.loader_threads);
  if (options.schedule && options.schedule_of) {
    fail("train", "there are two schedules: schedule and schedule_of exclude each other");
  }
  if (options.views > 0 && !options.augment) {
    fail("train", "views are ways to augment the images, and there is no augmentation");
  }
  if (options.views > 0 && options.mix) {
    fail("train", "images that are mixed with others do not come again: views must be 0");
  }
  const auto limit = [](const char* name, double value) {
    if (value >= 0 && std::isfinite(value)) return;
    fail("train", "{} must be above 0, or 0 for none; got {}", name, value);
  };
  limit("clip_norm", options.clip_norm);
  limit("clip_value", options.clip_value);
  if (!(options.validation_split >= 0 && options.validation_split < 1)) {
    fail("train", "validation_split must be in [0, 1); got {}", options.validation_split);
  }
  if (options.validation != nullptr && options.validation_split > 0) {
    fail("train", "there is a validation set, and validation_split would draw another");
  }
  const bool validates = options.validation != nullptr || options.validation_split > 0;
  if ((options.patience > 0 || options.plateau) && !validates) {
    fail("train", "{} needs images to judge by: give a validation set or validation_split",
         options.patience > 0 ? "patience" : "a plateau");
  }
  if (options.label_smoothing != 0) {
    fail("train", "label_smoothing is train_classifier's; a loss of one's own smooths by itself");
  }
  for (const Metric& metric : options.metrics) {
    check_report_name("train, metrics", metric.name);
    if (!metric.of) fail("train, metrics", "\"{}\" has no function", metric.name);
  }
}

TrainingFacts facts_of(const TrainOptions& options) {
  const auto yes = [](bool on) { return on ? "yes" : "no"; };
  const auto text = [](const auto& value) { return fmt::format("{}", value); };
  TrainingFacts facts = {{"epochs", text(options.epochs)},
                         {"batch size", text(options.batch_size)},
                         {"drop_last", yes(options.drop_last)},
                         {"learning rate", text(options.lr)},
                         {"augmentation", yes(static_cast<bool>(options.augment))},
                         {"views", text(options.views)},
                         {"seed", text(options.seed)},
                         {"accumulate", text(options.accumulate)},
                         {"clip_norm", text(options.clip_norm)},
                         {"clip_value", text(options.clip_value)},
                         {"validation_split", text(options.validation_split)},
                         {"validation images",
                          options.validation != nullptr ? options.validation->checksum() : "none"},
                         {"patience", text(options.patience)},
                         {"weight_average", text(options.weight_average)},
                         {"after_step", yes(static_cast<bool>(options.after_step))}};
  if (const auto& p = options.plateau) {
    facts["plateau"] =
        fmt::format("{}, {}, {}, {}", p->factor, p->patience, p->threshold, p->floor);
  }
  if (options.mix) facts["mix"] = "yes";
  if (options.synchronised_statistics) facts["statistics"] = "of whole batches";
  for (const Module* const module : options.with) facts["with"] += module->describe() + " ";
  return facts;
}

}  // namespace detail
}  // namespace limbeck
