// The README's first program: a teacher, a student, and the one taught by the other.
#include <fmt/format.h>

#include "core/autograd.h"
#include "data/data_loader.h"
#include "data/synthetic_digits.h"
#include "nn/distill/distiller.h"
#include "nn/losses.h"
#include "nn/models.h"
#include "nn/train/evaluate.h"
#include "optim/adam.h"

using namespace limbeck;

int main() {
  const auto [train, test] = synthetic_digits({.train = 5'000, .test = 1'000});
  Rng rng(42);
  Sequential teacher = mlp({784, 400, 400, 10}, {.dropout = 0.5}, rng);
  Sequential student = mlp({784, 32, 10}, {}, rng);

  DataLoader loader(train, {.batch_size = 64, .shuffle = true, .augment = random_shift(2)}, rng);
  Adam adam(teacher.parameters(), {.lr = 1e-3});
  for (int epoch = 1; epoch <= 5; ++epoch) {
    for (const Batch& batch : loader) {
      const Tensor loss = cross_entropy(teacher(batch.images), batch.class_ids);
      adam.zero_grad();
      loss.backward();
      adam.step();
    }
  }

  Distiller distiller(teacher, student, {.temperature = 4, .alpha = 0.1});
  distiller.fit(train, {.epochs = 20});
  fmt::print("errors of {}: teacher {}, student {}\n", test.size(), count_errors(teacher, test),
             count_errors(student, test));
}
