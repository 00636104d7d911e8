#include "tests/apps/small_distillation.h"

#include "data/synthetic_digits.h"
#include "nn/batch_norm.h"
#include "nn/distill/distiller.h"
#include "nn/linear.h"
#include "nn/models.h"
#include "nn/train/evaluate.h"

namespace limbeck::testing {
namespace {

Outcome outcome(const std::string& title, Module& model, std::vector<EpochReport> epochs,
                Index total) {
  return {.title = title,
          .spec = "mlp:12",
          .parameters = model.parameter_count(),
          .errors = epochs.back().errors.value(),
          .total = total,
          .seconds = 1.5,
          .epochs = epochs,
          .peak_bytes = std::vector<Index>(epochs.size(), 1'000'000)};
}

}  // namespace

SmallDistillation small_distillation(Sequential hard, Sequential distilled) {
  const TrainTest data = synthetic_digits({.train = 300, .test = 120, .seed = 5});
  const TrainOptions options{.epochs = 2, .batch_size = 20, .lr = 3e-3, .test = &data.test};
  Rng rng(1);
  Sequential teacher = mlp({784, 40, 10}, {}, rng);
  SmallDistillation run{.test = data.test,
                        .hard = std::move(hard),
                        .distilled = std::move(distilled),
                        .teacher_logits = {},
                        .hard_logits = {},
                        .distilled_logits = {}};
  const Index total = data.test.size();
  run.results.teacher =
      outcome("teacher", teacher, train_classifier(teacher, data.train, options), total);
  StudentPair pair;
  pair.hard = outcome("student, hard labels", run.hard,
                      train_classifier(run.hard, data.train, options), total);
  pair.hard.agreement = agreement(predict(run.hard, run.test), predict(teacher, run.test));
  Distiller distiller(teacher, run.distilled, {.temperature = 4, .alpha = 0.1});
  pair.distilled =
      outcome("student, distilled", run.distilled, distiller.fit(data.train, options), total);
  pair.distilled.agreement = pair.distilled.epochs.back().agreement;
  run.results.students = {pair};
  run.teacher_logits = logits_of(teacher, run.test);
  run.hard_logits = logits_of(run.hard, run.test);
  run.distilled_logits = logits_of(run.distilled, run.test);
  return run;
}

SmallDistillation small_perceptrons() {
  Rng rng(2);
  Sequential plain = mlp({784, 12, 10}, {}, rng);
  Sequential normalised(Flatten(), Linear({.in = 784, .out = 12}, rng),
                        BatchNorm1d({.channels = 12}), ReLU(), Linear({.in = 12, .out = 10}, rng));
  return small_distillation(std::move(plain), std::move(normalised));
}

}  // namespace limbeck::testing
