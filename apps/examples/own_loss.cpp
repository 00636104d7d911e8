// A training by a loss of one's own: labels, a penalty for being too sure, and small logits. Prints
// every number that the reports have.
#include <fmt/format.h>

#include "core/ops.h"
#include "data/synthetic_digits.h"
#include "nn/losses.h"
#include "nn/models.h"
#include "nn/train/evaluate.h"
#include "nn/train/trainer.h"

using namespace limbeck;

int main() {
  const auto [train, test] = synthetic_digits({.train = 4'000, .test = 1'000});
  Rng rng(1);
  Sequential model = mlp({784, 64, 10}, {}, rng);

  TrainOptions options{.epochs = 10, .clip_norm = 5, .test = &test};
  options.validation_split = 0.1;
  options.patience = 4;
  options.on_epoch = [](const EpochReport& report) {
    fmt::print("epoch {:>2}", report.epoch);
    for (const ReportNumber& number : numbers_of(report)) {
      if (number.value) fmt::print("  {} {:.3g}", number.name, *number.value);
    }
    fmt::print("\n");
  };
  fit(model, train, options, [](const Step& step) -> Loss {
    const Tensor log_q = log_softmax(step.logits);
    return {{"labels", 1, cross_entropy(step.logits, step.batch.class_ids)},
            {"sureness", 0.1 * (1 - step.done), mean(sum_last(exp(log_q) * log_q))},
            {"small", 1e-3, mean(square(step.logits))}};
  });
  fmt::print("{} errors of {}\n", count_errors(model, test), test.size());
}
