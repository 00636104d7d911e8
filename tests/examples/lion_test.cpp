// The optimizer of apps/examples/lion.h, and how trainings take it.
#include "apps/examples/lion.h"

#include "nn/models.h"
#include "nn/train/trainer.h"
#include "tests/data/idx_files.h"
#include "tests/nn/train/rows_of_light.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// A step on a loss with this gradient.
void step(Optimizer& optimizer, Tensor w, const Tensor& gradient) {
  w.clear_grad();
  sum(w * gradient).backward();
  optimizer.step();
}

const MakeOptimizer make_lion = [](std::vector<Tensor> parameters, double lr) {
  return std::make_unique<Lion>(std::move(parameters), LionOptions{.lr = lr});
};

}  // namespace

TEST_CASE("Lion's first steps are those computed by hand") {
  const Tensor w = Tensor::from({3}, {1, -2, 3}).requires_grad();
  Lion lion({w}, {.lr = 0.1, .beta1 = 0.5, .beta2 = 0.75, .weight_decay = 0.5});
  // u = sign(0.5 g) = (1, −1, 0); w − 0.1 (u + 0.5 w); m = 0.25 g
  step(lion, w, Tensor::from({3}, {4, -8, 0}));
  CHECK(difference(w, {0.85, -1.8, 2.85}) < 1e-6);
  CHECK(difference(lion.named_state()[0].tensor, {1, -2, 0}) < 1e-6);
  // 0.5 m + 0.5 g = (−0.5, −1.5, 1): what was learned before outvotes the gradient of the second
  step(lion, w, Tensor::from({3}, {-2, -1, 2}));
  CHECK(difference(w, {0.9075, -1.61, 2.6075}) < 1e-6);
  // 0.75 m + 0.25 g
  CHECK(difference(lion.named_state()[0].tensor, {0.25, -1.75, 0.5}) < 1e-6);
}

TEST_CASE("Lion steps by lr, whatever the size of the gradient") {
  const Tensor w = Tensor::zeros({3}).requires_grad();
  Lion lion({w}, {.lr = 0.1});
  step(lion, w, Tensor::from({3}, {real(1e-6), -5, 200}));
  CHECK(difference(w, {-0.1, 0.1, -0.1}) < 1e-6);
}

TEST_CASE("Lion refuses options out of range") {
  const std::vector<Tensor> p = {Tensor::zeros({2}).requires_grad()};
  CHECK(contains(error_of([&] { Lion(p, {.beta2 = 1}); }), "must be in [0, 1); got 1"));
  CHECK(contains(error_of([&] { Lion(p, {.weight_decay = -2}); }), "at least 0; got -2"));
}

TEST_CASE("a training takes the optimizer that it is given") {
  const Dataset data = rows_of_light(40, 1);
  Rng rng(1);
  Sequential net = mlp({16, 4}, {}, rng);
  const std::vector<Tensor> before = weights_of(net);
  TrainOptions options{.epochs = 1, .batch_size = 40, .lr = 0.5, .optimizer = make_lion};
  options.schedule = [](Index) { return 1.0; };
  train_classifier(net, data, options);
  // One step of Lion without decay: every weight by 0.5, but those with a gradient of 0.
  const std::vector<Tensor> after = weights_of(net);
  for (std::size_t i = 0; i < before.size(); ++i) {
    for (std::size_t j = 0; j < before[i].values().size(); ++j) {
      const double moved = std::abs(after[i].values()[j] - before[i].values()[j]);
      if (moved != 0) CHECK(moved == doctest::Approx(0.5));
    }
  }
  CHECK_FALSE(same_weights(before, after));
}

TEST_CASE("a training with Lion goes on from its checkpoint to the same bits") {
  const Folder folder;
  const Dataset data = rows_of_light(40, 1);
  const auto train = [&](const std::string& file, int stop_after) {
    Rng rng(1);
    Sequential net = mlp({16, 8, 4}, {}, rng);
    TrainOptions options{.epochs = 3, .batch_size = 8, .lr = 1e-2, .optimizer = make_lion};
    int batches = 0;
    options.checkpoint = {.file = file, .run = {}, .stop = [&batches, stop_after] {
                            return ++batches == stop_after;
                          }};
    try {
      train_classifier(net, data, options);
    } catch (const Stopped&) {
    }
    return weights_of(net);
  };
  const std::vector<Tensor> whole = train(folder.file("whole"), 0);
  const std::vector<Tensor> stopped = train(folder.file("parts"), 7);
  CHECK_FALSE(same_weights(stopped, whole));
  CHECK(same_weights(train(folder.file("parts"), 0), whole));
}
