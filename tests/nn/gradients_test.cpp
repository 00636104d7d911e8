// Gradients of losses and layers against finite differences, in the double build.
#ifdef LIMBECK_REAL_DOUBLE
#include "nn/distill/distillation_loss.h"
#include "nn/dropout.h"
#include "nn/losses.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

constexpr double tolerance = 1e-6;

using Inputs = std::vector<Tensor>;
const std::vector<std::int32_t> labels = {2, 0, 3};

}  // namespace

TEST_CASE("gradients of the losses") {
  const Inputs logits = {random_tensor({3, 4}, 1, -3, 3)};
  const Inputs pair = {random_tensor({3, 4}, 1, -3, 3), random_tensor({3, 4}, 2, 0.1, 1)};
  for (const double smoothing : {0.0, 0.1, 1.0}) {
    CAPTURE(smoothing);
    CHECK(gradient_error(
              [=](const Inputs& x) {
                return cross_entropy(x[0], labels, {.label_smoothing = smoothing});
              },
              logits) < tolerance);
    CHECK(gradient_error(
              [=](const Inputs& x) {
                return cross_entropy(
                    x[0], labels, {.label_smoothing = smoothing, .class_weights = {2, 1, 0.5, 0}});
              },
              logits) < tolerance);
  }
  for (const std::vector<double>& pos_weight : {std::vector<double>{}, {3}, {3, 1, 0.5, 0}}) {
    CHECK(gradient_error(
              [&](const Inputs& x) {
                return binary_cross_entropy_with_logits(x[0], x[1], {.pos_weight = pos_weight});
              },
              {random_tensor({3, 4}, 1, -3, 3), random_tensor({3, 4}, 2, 0.1, 0.9)}) < tolerance);
  }
  for (const double beta : {0.0, 0.7, 10.0}) {
    CHECK(gradient_error([=](const Inputs& x) { return smooth_l1(x[0], x[1], {.beta = beta}); },
                         pair) < tolerance);
  }
  // Targets here need not sum to 1: as inputs, each element counts for itself.
  CHECK(gradient_error([](const Inputs& x) { return soft_cross_entropy(x[0], x[1]); }, pair) <
        tolerance);
  CHECK(gradient_error([](const Inputs& x) { return kl_div(x[0] - 4, x[1]); }, pair) < tolerance);
  CHECK(gradient_error([](const Inputs& x) { return mse(x[0], x[1]); }, pair) < tolerance);
}

TEST_CASE("gradient of the distillation loss, for several T and alpha") {
  const Tensor teacher = random_tensor({3, 4}, 5, -4, 4);
  for (const double t : {0.5, 1.0, 4.0, 20.0}) {
    for (const double alpha : {0.0, 0.1, 0.5, 1.0}) {
      CAPTURE(t);
      CAPTURE(alpha);
      CHECK(gradient_error(
                [=](const Inputs& x) {
                  return distillation_loss(x[0], teacher, labels,
                                           {.temperature = t, .alpha = alpha})
                      .total;
                },
                {random_tensor({3, 4}, 6, -3, 3)}) < tolerance);
    }
  }
}

TEST_CASE("gradient of dropout is its mask") {
  CHECK(gradient_error(
            [](const Inputs& x) {
              Rng rng(7);  // the same mask in every call
              return dropout(x[0], 0.4, rng);
            },
            {random_tensor({5, 6}, 8)}) < tolerance);
}
#endif
