// A network whose hidden units say only yes or no, ±1, learns through the op of
// straight_through_sign.h. Beside it the same network with the true derivative of sign, which is 0:
// its first layer stays as it began, and only the last one learns.
#include "apps/examples/straight_through_sign.h"

#include <fmt/format.h>

#include "data/synthetic_digits.h"
#include "nn/linear.h"
#include "nn/sequential.h"
#include "nn/train/evaluate.h"
#include "nn/train/trainer.h"

using namespace limbeck;

namespace {

// (N, 1, 28, 28) → (N, 10), with 64 bits in between.
Sequential network(Tensor (*sign)(const Tensor&)) {
  Rng rng(1);
  return Sequential(Flatten(), Linear({.in = 784, .out = 64}, rng), Function(sign, "Sign"),
                    Linear({.in = 64, .out = 10}, rng));
}

// Recorded nowhere: no gradient passes.
Tensor plain_sign(const Tensor& x) {
  return straight_through_sign(x.detach());
}

}  // namespace

int main() {
  const auto [train, test] = synthetic_digits({.train = 4'000, .test = 1'000});
  Sequential learning = network(straight_through_sign);
  Sequential frozen = network(plain_sign);
  for (Sequential* net : {&learning, &frozen}) {
    train_classifier(*net, train, {.epochs = 8, .batch_size = 64, .lr = 3e-3});
  }
  fmt::print("errors of {}: straight through {}, with the true derivative {}\n", test.size(),
             count_errors(learning, test), count_errors(frozen, test));
}
