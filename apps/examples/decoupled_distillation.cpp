// A student taught by a term of one's own (decoupled_distillation.h) and labels, beside one taught
// by the usual loss and one by labels alone, on the synthetic digits.
#include "apps/examples/decoupled_distillation.h"

#include <fmt/format.h>

#include "data/synthetic_digits.h"
#include "nn/distill/distiller.h"
#include "nn/distill/methods/labels.h"
#include "nn/models.h"
#include "nn/train/evaluate.h"

using namespace limbeck;

int main() {
  const TrainTest digits = synthetic_digits({.train = 4'000, .test = 1'000});
  Rng rng(42);
  Sequential teacher = mlp({784, 400, 400, 10}, {.dropout = 0.5}, rng);
  train_classifier(teacher, digits.train,
                   {.epochs = 12, .batch_size = 64, .augment = random_shift(2)});
  fmt::print("{:16} {} errors of {}\n", "teacher", count_errors(teacher, digits.test),
             digits.test.size());

  const auto student_by = [&](const char* name, const auto& learn) {
    Rng same(7);
    Sequential student = mlp({784, 32, 10}, {}, same);
    learn(student);
    fmt::print("{:16} {} errors\n", name, count_errors(student, digits.test));
  };
  const TrainOptions options{.epochs = 30, .batch_size = 64, .lr = 3e-3};
  student_by("hard labels",
             [&](Module& student) { train_classifier(student, digits.train, options); });
  student_by("distilled", [&](Module& student) {
    Distiller(teacher, student, {.temperature = 4, .alpha = 0.1}).fit(digits.train, options);
  });
  const Objective objective = 0.1 * labels() + 0.9 * decoupled(4, 2);
  student_by("decoupled, β = 2", [&](Module& student) {
    Distiller(teacher, student, objective).fit(digits.train, options);
  });
}
