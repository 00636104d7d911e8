// An optimizer of one's own (lion.h) beside Adam, on the synthetic digits: the same network from
// the same seed, the loss after each epoch, and the errors at the end.
#include "apps/examples/lion.h"

#include <fmt/format.h>

#include "data/synthetic_digits.h"
#include "nn/models.h"
#include "nn/train/evaluate.h"
#include "nn/train/trainer.h"

using namespace limbeck;

int main() {
  const TrainTest digits = synthetic_digits({.train = 4'000, .test = 1'000});
  const auto run = [&](const char* name, const TrainOptions& options) {
    Rng rng(1);
    Sequential net = mlp({784, 64, 10}, {}, rng);
    fmt::print("{}  loss", name);
    for (const EpochReport& report : train_classifier(net, digits.train, options)) {
      fmt::print(" {:.3f}", report.loss);
    }
    fmt::print("; {} errors of {}\n", count_errors(net, digits.test), digits.test.size());
  };

  run("Adam", {.epochs = 6, .batch_size = 64, .lr = 3e-3});
  run("Lion", {.epochs = 6,
               .batch_size = 64,
               .lr = 1e-3,
               .optimizer = [](std::vector<Tensor> parameters, double lr) {
                 return std::make_unique<Lion>(std::move(parameters), LionOptions{.lr = lr});
               }});
}
