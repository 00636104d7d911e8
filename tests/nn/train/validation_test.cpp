// Images that choose: validation sets, patience, the best weights, metrics of one's own.
#include <cmath>
#include <limits>
#include <set>

#include "core/ops/arithmetic.h"
#include "core/ops/reduce.h"
#include "nn/batch_norm.h"
#include "nn/distill/distiller.h"
#include "nn/dropout.h"
#include "nn/linear.h"
#include "nn/losses.h"
#include "nn/models.h"
#include "nn/train/evaluate.h"
#include "nn/train/trainer.h"
#include "nn/weights.h"
#include "tests/data/idx_files.h"
#include "tests/nn/train/rows_of_light.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

Sequential network() {
  Rng rng(1);
  return mlp({16, 8, 4}, {}, rng);
}

// Labels that are wrong by one: what learns the right ones gets worse on these.
Dataset wrong(Dataset data) {
  for (std::int32_t& label : data.class_ids) label = (label + 1) % 4;
  return data;
}

TrainOptions steady(Index epochs) {
  TrainOptions options{.epochs = epochs, .batch_size = 8, .lr = 0.01};
  options.schedule = constant();
  return options;
}

}  // namespace

TEST_CASE(
    "the images that validation_split takes are not learned from, and are the same each time") {
  const Dataset data = rows_of_light(50, 1);
  const auto seen_with = [&](std::uint64_t seed) {
    Sequential model = network();
    std::set<Index> seen;
    TrainOptions options = steady(3);
    options.seed = seed;
    options.validation_split = 0.2;
    const auto reports = fit(model, data, options, [&](const Step& step) -> Loss {
      seen.insert(step.batch.indices.begin(), step.batch.indices.end());
      for (std::size_t i = 0; i < step.batch.indices.size(); ++i) {
        CHECK(step.batch.class_ids[i] == data.label_of(step.batch.indices[i]));
      }
      return {{"hard", 1, cross_entropy(step.logits, step.batch.class_ids)}};
    });
    // The errors are those on the images that were not seen.
    std::vector<Index> held;
    for (Index i = 0; i < data.size(); ++i) {
      if (!seen.contains(i)) held.push_back(i);
    }
    CHECK(held.size() == 10);
    CHECK(reports.back().validation_errors == count_errors(model, data.select(held)));
    CHECK_FALSE(reports.back().errors.has_value());
    return seen;
  };
  const std::set<Index> once = seen_with(1);
  CHECK(once == seen_with(1));
  CHECK(once != seen_with(2));
}

TEST_CASE("a student learns from the teacher's answers to the images that are left") {
  const Dataset data = rows_of_light(40, 1);
  Rng rng(7);
  Sequential teacher = mlp({16, 4}, {}, rng), a = network(), b = network();
  TrainOptions options = steady(2);
  options.validation_split = 0.25;
  const DistillationOptions soft{.temperature = 2, .alpha = 0.3};
  const auto from_teacher = Distiller(teacher, a, soft).fit(data, options);
  const auto from_logits = distill_from_logits(logits_of(teacher, data), b, data, soft, options);
  CHECK(same_weights(weights_of(a), weights_of(b)));
  CHECK(from_teacher.back().validation_errors == from_logits.back().validation_errors);
}

TEST_CASE("patience ends a training that gets no better, and gives the best weights back") {
  const Dataset data = rows_of_light(64, 1), choosing = wrong(data);
  Sequential model = network();
  TrainOptions options = steady(40);
  options.validation = &choosing;
  options.patience = 3;
  std::vector<std::vector<Tensor>> after;
  options.on_epoch = [&](const EpochReport&) { after.push_back(weights_of(model)); };
  const auto reports = train_classifier(model, data, options);
  REQUIRE(reports.size() < 40);
  const EpochReport& best = best_of(reports);
  CHECK(static_cast<Index>(reports.size()) == best.epoch + 3);
  for (const EpochReport& report : reports) {
    CHECK(report.validation_errors >= best.validation_errors);
  }
  CHECK(same_weights(weights_of(model), after[static_cast<std::size_t>(best.epoch - 1)]));
  CHECK(count_errors(model, choosing) == best.validation_errors);
  CHECK_FALSE(same_weights(weights_of(model), after.back()));
}

TEST_CASE("the best weights are averages, where these are judged") {
  const Dataset data = rows_of_light(64, 1), choosing = wrong(data);
  Sequential model = network();
  TrainOptions options = steady(40);
  options.validation = &choosing;
  options.patience = 2;
  options.weight_average = 0.9;
  const auto reports = train_classifier(model, data, options);
  CHECK(count_errors(model, choosing) == best_of(reports).validation_errors);
}

TEST_CASE("the rate falls when the errors on the validation set no longer do") {
  const Dataset data = rows_of_light(64, 1), choosing = wrong(data);
  Sequential model = network();
  TrainOptions options{.epochs = 12, .batch_size = 8, .lr = 0.01};
  options.validation = &choosing;
  options.plateau = PlateauOptions{.factor = 0.5, .patience = 1};
  const auto reports = train_classifier(model, data, options);
  Plateau expected(*options.plateau);
  for (const EpochReport& report : reports) {
    CHECK(report.lr == doctest::Approx(0.01 * expected.factor()));
    expected.report(static_cast<double>(report.validation_errors.value()));
  }
  CHECK(reports.back().lr < 0.006);  // it did fall
  options.validation = nullptr;
  CHECK(error_of([&] { train_classifier(model, data, options); }) ==
        "train: a plateau needs images to judge by: give a validation set or validation_split");
}

TEST_CASE("a function of one's own ends a training after any epoch") {
  const Dataset data = rows_of_light(32, 1);
  Sequential model = network();
  TrainOptions options = steady(10);
  options.stop_if = [](const EpochReport& report) { return report.epoch == 4; };
  CHECK(train_classifier(model, data, options).size() == 4);
}

TEST_CASE("metrics of one's own are worked out on both sets") {
  const Dataset data = rows_of_light(32, 1), test = rows_of_light(12, 2), other = wrong(test);
  Sequential model = network();
  TrainOptions options = steady(8);
  options.test = &test;
  options.validation = &other;
  options.metrics = {{"accuracy",
                      [](const Tensor& logits, const Dataset& set) {
                        CHECK(logits.shape() == Shape{set.size(), 4});
                        const auto errors = count_errors(argmax_last(logits), set);
                        return 1 - static_cast<double>(errors) / static_cast<double>(set.size());
                      }},
                     {"images", [](const Tensor&, const Dataset& set) {
                        return static_cast<double>(set.size());
                      }}};
  const EpochReport last = train_classifier(model, data, options).back();
  REQUIRE(last.metrics.size() == 4);
  CHECK(last.metrics[0].name == "accuracy");
  CHECK(last.metrics[0].value ==
        doctest::Approx(1 - static_cast<double>(last.errors.value()) / 12));
  CHECK(last.metrics[2].name == "validation_accuracy");
  CHECK(last.metrics[2].value ==
        doctest::Approx(1 - static_cast<double>(last.validation_errors.value()) / 12));
  CHECK(last.metrics[3].value == 12);
}

TEST_CASE("a training that is stopped with a term that is no number goes on all the same") {
  const Dataset data = rows_of_light(40, 1);
  const Folder folder;
  TrainOptions options = steady(2);
  options.checkpoint.file = folder.file("c");
  const auto train = [&] {
    Sequential model = network();
    return fit(model, data, options, [](const Step& step) {
      const Tensor labels = cross_entropy(step.logits, step.batch.class_ids);
      return Loss(labels, {{.name = "hard", .value = labels.item()},
                           {.name = "told", .weight = 0, .value = NAN}});
    });
  };
  Index steps = 0;
  options.checkpoint.stop = [&] { return ++steps == 3; };
  CHECK_THROWS_AS(train(), Stopped);
  options.checkpoint.stop = {};
  const auto reports = train();
  CHECK(reports.size() == 2);
  CHECK(std::isnan(reports[0].term("told")));
}

TEST_CASE("a step of more batches than there are is one of all of them") {
  const Dataset data = rows_of_light(40, 1);
  const auto train = [&](Index accumulate) {
    Sequential model = network();
    TrainOptions options = steady(2);
    options.accumulate = accumulate;
    train_classifier(model, data, options);
    return weights_of(model);
  };
  CHECK(same_weights(train(5), train(std::numeric_limits<Index>::max())));
}

TEST_CASE("with all of these, a training stopped after any step ends with the same bits") {
  const Dataset data = rows_of_light(60, 1), choosing = wrong(rows_of_light(20, 2));
  struct Result {
    std::vector<Tensor> state;
    std::vector<EpochReport> reports;
  };
  const auto train = [&](TrainOptions options) {
    Rng rng(4);
    Sequential model(Flatten(), Linear({.in = 16, .out = 8}, rng), BatchNorm1d({.channels = 8}),
                     ReLU(), Dropout({.p = 0.5}, rng), Linear({.in = 8, .out = 4}, rng));
    Sequential adaptor(Dropout({.p = 0.2}, rng), Linear({.in = 4, .out = 2}, rng));
    options.with = {&adaptor};
    Result result;
    result.reports = fit(model, data, options, [&](const Step& step) -> Loss {
      const Tensor out = adaptor(step.logits);
      return {{"hard", 1, cross_entropy(step.logits, step.batch.class_ids)},
              {"even", 0.1 * step.done, mean(out * out)}};
    });
    for (Module* const module : {&model, &adaptor}) {
      for (const NamedTensor& part : named_state(*module)) {
        result.state.push_back(part.tensor.clone());
      }
    }
    return result;
  };
  TrainOptions options{.epochs = 12, .batch_size = 7, .lr = 0.02, .seed = 3};
  options.accumulate = 2;
  options.clip_norm = 0.5;
  options.weight_average = 0.8;
  options.validation = &choosing;
  options.patience = 2;
  options.plateau = PlateauOptions{.factor = 0.5, .patience = 0};
  const Result whole = train(options);
  REQUIRE(whole.reports.size() < 12);
  for (const Index after : {1, 4, 5, 6, 10, 100}) {
    CAPTURE(after);
    const Folder folder;
    options.checkpoint.file = folder.file("c");
    Index done = 0;
    options.checkpoint.stop = [&] { return ++done == after; };
    Result result;
    for (bool over = false; !over;) {  // stopped again and again
      done = 0;
      try {
        result = train(options);
        over = true;
      } catch (const Stopped&) {
      }
    }
    CHECK(std::ranges::equal(result.state, whole.state, same_bits));
    REQUIRE(result.reports.size() == whole.reports.size());
    for (std::size_t i = 0; i < whole.reports.size(); ++i) {
      CHECK(result.reports[i].loss == whole.reports[i].loss);
      CHECK(result.reports[i].term("even") == whole.reports[i].term("even"));
      CHECK(result.reports[i].gradient_norm == whole.reports[i].gradient_norm);
      CHECK(result.reports[i].validation_errors == whole.reports[i].validation_errors);
    }
    options.checkpoint.stop = {};
    CHECK(std::ranges::equal(train(options).state, whole.state, same_bits));  // it is over
    options.patience = 3;
    CHECK(contains(error_of([&] { train(options); }), "patience is 2 there and 3 here"));
    options.patience = 2;
  }
}
