// A network of one's own: a GRU that reads a digit row by row, as a sequence of 28 steps.
#include <fmt/format.h>
#include <limbeck/limbeck.h>

using namespace limbeck;

int main() {
  const auto [train, test] = synthetic_digits({.train = 2'000, .test = 500});
  Rng rng(1);
  Sequential reader(
      [](const Tensor& x) {  // (N, 1, 28, 28) → (N, 28, 28): the rows are the steps
        return reshape(x, {x.dim(0), 28, 28});
      },
      GRU({.in = 28, .out = 32}, rng), Function(last_step, "last step"),
      Linear({.in = 32, .out = 10}, rng));
  TrainOptions options{.epochs = 6, .batch_size = 50, .lr = 1e-2};
  options.clip_norm = 1;
  train_classifier(reader, train, options);
  const Index errors = count_errors(reader, test);
  fmt::print("{}{} errors of {}\n", summary(reader, test.image), errors, test.size());
  return errors < 150 ? 0 : 1;  // 450 by guessing
}
