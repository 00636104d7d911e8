// What a checkpoint knows of its training: what may not differ, what may, and what goes on.

#include "core/function_ref.h"
#include "nn/batch_norm.h"
#include "nn/distill/distiller.h"
#include "nn/linear.h"
#include "nn/models.h"
#include "nn/train/evaluate.h"
#include "nn/weights.h"
#include "optim/adam.h"
#include "optim/sgd.h"
#include "tests/data/idx_files.h"
#include "tests/nn/train/rows_of_light.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// Everything that a distillation is made of.
struct Setup {
  TrainOptions options{.epochs = 2, .batch_size = 10, .lr = 0.01, .weight_average = 0.8};
  DistillationOptions distillation{.temperature = 3, .alpha = 0.2};
  TemperatureSchedule temperature{};
  std::uint64_t teacher_seed = 1, image_seed = 1;
  std::vector<Index> widths = {16, 8, 4};

  explicit Setup(const std::string& file) { options.checkpoint.file = file; }

  // The student's weights at the end.
  std::vector<Tensor> train() const {
    const Dataset data = rows_of_light(40, image_seed);
    Rng teacher_rng(teacher_seed), rng(5);
    Sequential teacher = mlp({16, 4}, {}, teacher_rng), student = mlp(widths, {}, rng);
    Distiller(teacher, student, distillation, temperature).fit(data, options);
    return weights_of(student);
  }
};

void stop_after(TrainOptions& options, Index batches) {
  options.checkpoint.stop = [batches, done = Index{0}]() mutable { return ++done == batches; };
}

}  // namespace

TEST_CASE("a checkpoint knows by itself all that its training's numbers depend on") {
  const Folder folder;
  Setup first(folder.file("c"));
  stop_after(first.options, 3);
  CHECK_THROWS_AS(first.train(), Stopped);
  const auto refusal = [&](FunctionRef<void(Setup&)> change) {
    Setup other(folder.file("c"));
    change(other);
    const std::string text = error_of([&] { other.train(); });
    const std::string start = "checkpoint: " + folder.file("c") + ": it belongs to another run: ";
    CHECK(text.starts_with(start));
    return text.substr(std::min(start.size(), text.size()));
  };
  CHECK(refusal([](Setup& s) { s.options.batch_size = 20; }) ==
        "batch size is 10 there and 20 here");
  CHECK(refusal([](Setup& s) { s.options.lr = 7; }) == "learning rate is 0.01 there and 7 here");
  CHECK(refusal([](Setup& s) { s.options.seed = 99; }) == "seed is 0 there and 99 here");
  CHECK(refusal([](Setup& s) { s.options.epochs = 3; }) == "epochs is 2 there and 3 here");
  CHECK(refusal([](Setup& s) { s.options.drop_last = true; }) ==
        "drop_last is no there and yes here");
  CHECK(refusal([](Setup& s) { s.options.weight_average = 0.9; }) ==
        "weight_average is 0.8 there and 0.9 here");
  CHECK(refusal([](Setup& s) { s.distillation.alpha = 0.5; }) == "alpha is 0.2 there and 0.5 here");
  CHECK(refusal([](Setup& s) { s.distillation.temperature = 4; }) ==
        "temperature is 3, 3, 3 there and 4, 4, 4 here");
  CHECK(refusal([](Setup& s) { s.temperature = anneal_temperature(4, 1); }) ==
        "temperature is 3, 3, 3 there and 4, 2, 1 here");
  CHECK(refusal([](Setup& s) {
          s.options.schedule = constant();
        }).starts_with("schedule is half a cosine"));
  CHECK(refusal([](Setup& s) { s.options.augment = random_shift(1); }) ==
        "augmentation is no there and yes here");
  CHECK(refusal([](Setup& s) { s.options.after_step = [] {}; }) ==
        "after_step is no there and yes here");
  CHECK(refusal([](Setup& s) { s.teacher_seed = 2; }).starts_with("teacher's weights is "));
  CHECK(refusal([](Setup& s) { s.image_seed = 2; }).starts_with("training images is "));
  CHECK(refusal([](Setup& s) {
          s.widths = {16, 9, 4};
        }) ==
        "network is Sequential, Flatten, Linear(16, 8), ReLU, Linear(8, 4) there and Sequential, "
        "Flatten, Linear(16, 9), ReLU, Linear(9, 4) here");
  CHECK(refusal([](Setup& s) { s.widths = {16, 8, 8, 8, 4}; }) == "network differs");
  const auto with = [](MakeOptimizer make) {
    return [make = std::move(make)](Setup& s) { s.options.optimizer = make; };
  };
  CHECK(contains(refusal(with([](auto parameters, double lr) {
                   return std::make_unique<Adam>(std::move(parameters),
                                                 AdamOptions{.lr = lr, .beta1 = 0.5});
                 })),
                 "optimizer "));
  CHECK(contains(refusal(with([](auto parameters, double lr) {
                   return std::make_unique<Sgd>(std::move(parameters), SgdOptions{.lr = lr});
                 })),
                 "optimizer "));
  CHECK(error_of([&] { Setup(folder.file("c")).train(); }) == "(no error)");
}

TEST_CASE("a training on hard labels is no distillation, and from logits is another again") {
  const Folder folder;
  const Dataset data = rows_of_light(40, 1);
  const auto train = [&](int way) {
    Rng rng(5);
    Sequential student = mlp({16, 8, 4}, {}, rng), teacher = mlp({16, 4}, {}, rng);
    TrainOptions options{.epochs = 2, .batch_size = 10};
    options.checkpoint.file = folder.file("c");
    if (way == 0) train_classifier(student, data, options);
    if (way == 1) Distiller(teacher, student, {}).fit(data, options);
    if (way == 2) distill_from_logits(logits_of(teacher, data), student, data, {}, options);
  };
  for (int first = 0; first < 3; ++first) {
    for (int second = 0; second < 3; ++second) {
      CAPTURE(first);
      CAPTURE(second);
      std::filesystem::remove(folder.file("c"));
      train(first);
      const std::string text = error_of([&] { train(second); });
      CHECK((text == "(no error)") == (first == second));
    }
  }
}

TEST_CASE("a training that is over goes on with more epochs from its own weights") {
  for (const double decay : {0.0, 0.8}) {
    CAPTURE(decay);
    const Folder folder;
    const auto train = [&](const std::string& file, Index epochs) {
      Setup setup(file);
      setup.options.schedule = constant();
      setup.options.weight_average = decay;
      setup.options.epochs = epochs;
      return setup.train();
    };
    const std::vector<Tensor> at_once = train("", 5);
    const std::vector<Tensor> at_two = train(folder.file("c"), 2);
    CHECK(same_weights(train(folder.file("c"), 2), at_two));  // the averages, if there are
    CHECK_FALSE(same_weights(at_two, at_once));
    CHECK(same_weights(train(folder.file("c"), 5), at_once));
    CHECK(contains(error_of([&] { train(folder.file("c"), 4); }), "epochs is 5 there and 4 here"));
  }
}

TEST_CASE("a training with views keeps checkpoints like others") {
  const auto train = [](const std::string& file, Index stop) {
    Setup setup(file);
    setup.options.epochs = 6;
    setup.options.augment = random_shift(1);
    setup.options.views = 2;
    if (stop > 0) stop_after(setup.options, stop);
    return setup.train();
  };
  const std::vector<Tensor> never_stopped = train("", 0);
  for (const Index stop : {1, 6, 11, 17}) {
    CAPTURE(stop);
    const Folder folder;
    CHECK_THROWS_AS(train(folder.file("c"), stop), Stopped);
    CHECK(same_weights(train(folder.file("c"), 0), never_stopped));
  }
}

TEST_CASE("views without an augmentation are refused: there is nothing to repeat") {
  const Dataset data = rows_of_light(20, 1);
  Rng rng(1);
  Sequential model = mlp({16, 4}, {}, rng);
  CHECK(error_of([&] { train_classifier(model, data, {.views = 2}); }) ==
        "train: views are ways to augment the images, and there is no augmentation");
}

TEST_CASE("the average of a network with batch norm has running statistics of its own") {
  const Dataset data = rows_of_light(40, 1);
  Rng rng(1);
  Sequential model(Flatten(), Linear({.in = 16, .out = 8}, rng), BatchNorm1d({.channels = 8}),
                   ReLU(), Linear({.in = 8, .out = 4}, rng));
  TrainOptions options{.epochs = 2, .batch_size = 10, .lr = 0.02, .weight_average = 0.9};
  const auto running = [&] { return model.named_buffers()[0].tensor; };
  Tensor by_hand = running().clone();
  double step = 0;
  Tensor raw;
  options.after_step = [&] {
    ++step;
    const auto d = static_cast<real>(std::min(0.9, (1 + step) / (10 + step)));
    raw = running().clone();
    by_hand = by_hand * d + raw * (1 - d);
  };
  train_classifier(model, data, options);
  CHECK(difference(running(), by_hand) < 1e-5);
  CHECK(difference(running(), raw) > 1e-3);
}
