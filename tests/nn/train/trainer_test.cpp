// Training a classifier: reports, warnings, errors, repeatability, memory.
#include "nn/train/trainer.h"

#include <cmath>
#include <numbers>

#include "core/parallel.h"
#include "core/storage.h"
#include "nn/batch_norm.h"
#include "nn/distill/distillation_loss.h"
#include "nn/linear.h"
#include "nn/losses.h"
#include "nn/models.h"
#include "nn/train/evaluate.h"
#include "optim/adam.h"
#include "tests/nn/train/rows_of_light.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// Weights of 0 and a bias: the same logits for every image.
Sequential constant_model(std::initializer_list<real> logits) {
  Rng rng(1);
  Sequential model = mlp({16, 4}, {}, rng);
  Tensor weight = model.parameters()[0], bias = model.parameters()[1];
  std::ranges::fill(weight.values(), real{0});
  std::ranges::copy(logits, bias.values().begin());
  return model;
}

}  // namespace

TEST_CASE("a run reports every batch and every epoch, and learns") {
  const Dataset train = rows_of_light(100, 1), test = rows_of_light(80, 2);
  Rng rng(1);
  Sequential model = mlp({16, 16, 4}, {}, rng);
  std::vector<std::pair<Index, Index>> seen;  // (epoch, batch)
  std::vector<Index> epochs;
  TrainOptions options{.epochs = 8, .batch_size = 16, .lr = 0.02, .test = &test};
  options.on_batch = [&](const Progress& p) {
    CHECK(p.epochs == 8);
    CHECK(p.batches == 7);  // six of 16 and one of 4
    CHECK(p.loss > 0);
    seen.emplace_back(p.epoch, p.batch);
  };
  options.on_epoch = [&](const EpochReport& r) { epochs.push_back(r.epoch); };
  const std::vector<EpochReport> reports = train_classifier(model, train, options);

  CHECK(seen.size() == 8 * 7);
  CHECK(seen.front() == std::pair<Index, Index>(1, 1));
  CHECK(seen.back() == std::pair<Index, Index>(8, 7));
  CHECK(epochs == std::vector<Index>{1, 2, 3, 4, 5, 6, 7, 8});
  REQUIRE(reports.size() == 8);
  for (const EpochReport& report : reports) {
    CHECK(report.epochs == 8);
    CHECK(report.loss == report.term("hard"));
    CHECK(std::isnan(report.term("soft")));
    CHECK(report.seconds > 0);
    CHECK_FALSE(report.agreement.has_value());  // there is no teacher
  }
  CHECK(reports.back().loss < 0.5 * reports.front().loss);
  CHECK(reports.back().errors.value() == count_errors(model, test));
  CHECK(reports.back().errors.value() < 20);
  CHECK(reports.back().warnings.empty());
  // Half a cosine: from the rate that was asked for towards 0, which comes after the last step.
  CHECK(reports.front().lr < 0.02);
  CHECK(reports.front().lr > 0.018);
  const double steps = 8 * 7;
  CHECK(reports.back().lr ==
        doctest::Approx(0.01 * (1 + std::cos(std::numbers::pi * (steps - 1) / steps))));
}

TEST_CASE("the reported loss is the mean over images, though the last batch is small") {
  // At a learning rate of 0 the loss of an epoch is that of the whole set at once.
  const Dataset train = rows_of_light(37, 1);
  Rng rng(2);
  Sequential model = mlp({16, 8, 4}, {}, rng);
  const auto reports = train_classifier(model, train, {.epochs = 1, .batch_size = 12, .lr = 0});
  const Tensor loss = cross_entropy(logits_of(model, train), train.class_ids);
  CHECK(reports[0].loss == doctest::Approx(static_cast<double>(loss.item())).epsilon(1e-6));
}

TEST_CASE("each part of the model is left in the mode in which it was found") {
  const Dataset train = rows_of_light(20, 1);
  Rng rng(1);
  Sequential model = mlp({16, 8, 4}, {.dropout = 0.5}, rng);
  model.eval();
  model[3].train();
  Index in_training = 0;
  model.add([&](const Tensor& x) { return in_training += model[0].is_training(), x; });
  train_classifier(model, train, {.epochs = 1, .batch_size = 10});
  CHECK(in_training == 2);
  CHECK_FALSE(model.is_training());
  CHECK_FALSE(model[0].is_training());
  CHECK(model[3].is_training());
}

TEST_CASE("a run that does not learn says so") {
  const Dataset train = rows_of_light(40, 1);
  // Sure of class 2, with the others' labels on three images of four: worse than guessing.
  Sequential model = constant_model({0, 0, 9, 0});
  const auto reports = train_classifier(model, train, {.epochs = 1, .lr = 0, .test = &train});
  REQUIRE(reports[0].warnings.size() == 2);
  CHECK(reports[0].warnings[0] ==
        "the loss on the labels, 6.750, is not below ln 4 = 1.386, which guessing gives");
  CHECK(reports[0].warnings[1] == "the model never decides for class 0, 1, 3");
}

TEST_CASE("a class that the test set lacks is not missed") {
  const Dataset train = rows_of_light(40, 1);
  const std::vector<Index> twos = {2, 6, 10};
  const Dataset test = train.select(twos);
  Sequential model = constant_model({0, 0, 1, 0});
  const auto reports = train_classifier(model, train, {.epochs = 1, .lr = 0, .test = &test});
  CHECK(reports[0].warnings.size() == 1);  // of the loss alone
}

TEST_CASE("a loss that is not finite stops the run and says where") {
  const Dataset train = rows_of_light(40, 1);
  const double rate = sizeof(real) == 4 ? 1e30 : 1e200;
  Rng rng(1);
  Sequential model = mlp({16, 8, 4}, {}, rng);
  const std::string text =
      error_of([&] { train_classifier(model, train, {.batch_size = 8, .lr = rate}); });
  CAPTURE(text);
  CHECK(contains(text, "train: the loss is nan at batch 2 of epoch 1"));
  CHECK(contains(text, fmt::format("the learning rate, {:g}, may be too high", rate)));
}

TEST_CASE("training refuses no epochs, batches of nothing and an empty dataset") {
  const Dataset train = rows_of_light(4, 1), none = rows_of_light(0, 1);
  Rng rng(1);
  Sequential model = mlp({16, 4}, {}, rng);
  CHECK(error_of([&] { train_classifier(model, train, {.epochs = 0}); }) ==
        "train: epochs must be at least 1; got 0");
  CHECK(contains(error_of([&] { train_classifier(model, train, {.batch_size = 0}); }), "got 0"));
  CHECK(error_of([&] { train_classifier(model, train, {.loader_threads = 0}); }) ==
        "train: loader_threads must be at least 1; got 0");
  CHECK(contains(error_of([&] { train_classifier(model, none, {}); }), "the dataset is empty"));
}

TEST_CASE("one seed gives one result to the bit, another seed another") {
  const Dataset train = rows_of_light(50, 1);
  const auto run = [&](std::uint64_t weights, std::uint64_t order, int loader_threads = 1) {
    Rng rng(weights);
    Sequential model = mlp({16, 40, 4}, {.dropout = 0.3, .input_dropout = 0.1}, rng);
    TrainOptions options{.epochs = 3, .batch_size = 16, .lr = 0.01, .seed = order};
    options.augment = random_shift(1);
    options.loader_threads = loader_threads;
    train_classifier(model, train, options);
    return weights_of(model);
  };
  const std::vector<Tensor> first = run(1, 1);
  CHECK(same_weights(run(1, 1), first));
  CHECK(same_weights(run(1, 1, 3), first));  // whoever prepares the batches
  CHECK_FALSE(same_weights(run(1, 2), first));
  CHECK_FALSE(same_weights(run(2, 1), first));
}

TEST_CASE("a training step after the first asks the system for no memory") {
  if (!pool_keeps_memory()) {
    MESSAGE("skipped: under AddressSanitizer the pool keeps no memory");
    return;
  }
  // Two threads may need the same scratch at once in one step, and one after the other in another.
  const int usual = threads();
  set_threads(1);
  // Widths at which activations, weights and their moments share size classes of the pool, and
  // others at which they do not.
  for (const std::vector<Index>& widths :
       {std::vector<Index>{784, 100, 50, 10}, std::vector<Index>{784, 64, 64, 64, 10}}) {
    release_pool();
    Rng rng(1);
    Sequential model = mlp(widths, {.dropout = 0.2}, rng);
    Adam adam(model.parameters(), {});
    const Tensor images = random_tensor({64, 1, 28, 28}, 1);
    const Tensor teacher = random_tensor({64, 10}, 2);
    const std::vector<std::int32_t> class_ids(64, 3);
    std::vector<std::size_t> requests;
    for (int step = 0; step < 5; ++step) {
      const std::size_t before = pool_stats().system_allocations;
      adam.zero_grad();
      const DistillationLoss loss = distillation_loss(model(images), teacher, class_ids, {});
      loss.total.backward();
      adam.step();
      requests.push_back(pool_stats().system_allocations - before);
    }
    CHECK(requests[0] > 0);
    requests.erase(requests.begin());
    CHECK(requests == std::vector<std::size_t>{0, 0, 0, 0});
  }
  set_threads(usual);
}

TEST_CASE("with an average of the weights, the model is judged and left with it") {
  const Dataset train = rows_of_light(40, 1), test = rows_of_light(20, 2);
  const auto run = [&](double decay, Index epochs) {
    Rng rng(1);
    Sequential model = mlp({16, 8, 4}, {}, rng);
    std::vector<Tensor> by_hand = weights_of(model);
    TrainOptions options{.epochs = epochs, .batch_size = 10, .lr = 0.02, .test = &test};
    options.schedule = constant();
    options.weight_average = decay;
    double step = 0;
    options.after_step = [&] {  // called before the average is updated, with the weights themselves
      ++step;
      const auto d = static_cast<real>(std::min(decay, (1 + step) / (10 + step)));
      for (std::size_t i = 0; i < by_hand.size(); ++i) {
        by_hand[i] = by_hand[i] * d + model.parameters()[i].detach() * (1 - d);
      }
    };
    const auto reports = train_classifier(model, train, options);
    CHECK(step == static_cast<double>(epochs * 4));
    CHECK(reports.back().errors.value() == count_errors(model, test));
    return std::pair{weights_of(model), by_hand};
  };
  const auto [left, by_hand] = run(0.9, 3);
  for (std::size_t i = 0; i < left.size(); ++i) CHECK(difference(left[i], by_hand[i]) < 1e-5);
  CHECK_FALSE(same_weights(left, run(0, 3).first));
}

TEST_CASE(
    "an exception between two epochs leaves the model with its own weights, not the averages") {
  const Dataset train = rows_of_light(60, 1);
  const auto weights_after = [&](double decay) {
    Rng rng(1);
    Sequential model = mlp({16, 8, 4}, {}, rng);
    TrainOptions options{.epochs = 3, .batch_size = 16, .lr = 0.02, .weight_average = decay};
    options.on_epoch = [](const EpochReport& report) {
      if (report.epoch == 2) fail("test", "no more");
    };
    CHECK(error_of([&] { train_classifier(model, train, options); }) == "test: no more");
    return model.parameters()[0].clone();
  };
  CHECK(same_bits(weights_after(0.9), weights_after(0)));
}

TEST_CASE("a last batch of one image can be left out where batch norm could not learn from it") {
  const Dataset train = rows_of_light(33, 1);
  const auto error_with = [&](bool drop_last) {
    Rng rng(1);
    Sequential model(Flatten(), Linear({.in = 16, .out = 8}, rng), BatchNorm1d({.channels = 8}),
                     ReLU(), Linear({.in = 8, .out = 4}, rng));
    return error_of([&] {
      train_classifier(model, train, {.epochs = 2, .batch_size = 16, .drop_last = drop_last});
    });
  };
  CHECK(error_with(false) != "(no error)");
  CHECK(error_with(true) == "(no error)");
}
