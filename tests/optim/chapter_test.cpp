// The worked examples of optim/README.md: every number there is checked here.
#include "optim/adam.h"
#include "optim/average.h"
#include "optim/constraint.h"
#include "optim/rms_prop.h"
#include "optim/sgd.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// One step on the loss f(w), from w.
template <class Optimizer>
Tensor stepped(Optimizer& optimizer, const Tensor& w, const Tensor& loss) {
  optimizer.zero_grad();
  loss.backward();
  optimizer.step();
  return w.detach();
}

}  // namespace

TEST_CASE("chapter optim: SGD multiplies the distance by 1 - lr c, and leaps out of the valley") {
  const auto after_one = [](double lr) {
    Tensor w = Tensor::from({2}, {-9, real(1.6)}).requires_grad();
    Sgd sgd({w}, {.lr = lr});
    return stepped(sgd, w, sum(w * w * Tensor::from({2}, {1, 25})) / 2);
  };
  CHECK(difference(after_one(0.07), {-9 * 0.93, 1.6 * -0.75}) < 1e-6);
  CHECK(difference(after_one(0.09), {-9 * 0.91, 1.6 * -1.25}) < 1e-6);  // above 2 / 25
}

TEST_CASE("chapter optim: three steps of momentum under a gradient of 1") {
  Tensor w = Tensor::scalar(0).requires_grad(), n = Tensor::scalar(0).requires_grad();
  Sgd momentum({w}, {.lr = 1, .momentum = 0.9});
  Sgd nesterov({n}, {.lr = 1, .momentum = 0.9, .nesterov = true});
  double at = 0, nesterov_at = 0;
  for (const auto& [b, look_ahead] : {std::pair(1.0, 1.9), {1.9, 2.71}, {2.71, 3.439}}) {
    at -= b, nesterov_at -= look_ahead;
    CHECK(stepped(momentum, w, w * 1).item() == doctest::Approx(at));
    CHECK(stepped(nesterov, n, n * 1).item() == doctest::Approx(nesterov_at));
  }
}

TEST_CASE("chapter optim: Adam's first steps are lr, whatever the gradient's size") {
  Tensor w = Tensor::from({2}, {0, 0}).requires_grad();
  Adam adam({w}, {.lr = 0.001});
  const Tensor gradient = Tensor::from({2}, {2, real(-0.002)});
  for (const double t : {1.0, 2.0, 3.0}) {
    const Tensor now = stepped(adam, w, sum(w * gradient));
    CHECK(difference(now, {-0.001 * t, 0.001 * t}) < 1e-7);
  }
}

TEST_CASE("chapter optim: decay through Adam takes lr of every weight, AdamW's a share") {
  const auto after_one = [](auto make) {
    Tensor w = Tensor::from({2}, {1, 100}).requires_grad();
    auto optimizer = make(w);
    return stepped(optimizer, w, sum(w * 0));
  };
  const Tensor adam =
      after_one([](const Tensor& w) { return Adam({w}, {.lr = 0.01, .weight_decay = 0.1}); });
  const Tensor adamw =
      after_one([](const Tensor& w) { return AdamW({w}, {.lr = 0.01, .weight_decay = 0.1}); });
  CHECK(difference(adam, {0.99, 99.99}) < 1e-6);
  CHECK(difference(adamw, {0.999, 99.9}) < 1e-6);
}

TEST_CASE("chapter optim: RMSprop's first step is ten times lr") {
  Tensor w = Tensor::scalar(0).requires_grad();
  RmsProp rule({w}, {.lr = 1e-3});
  CHECK(stepped(rule, w, w * 5).item() == doctest::Approx(-0.01));
}

TEST_CASE("chapter optim: clipping keeps the direction") {
  Tensor a = Tensor::scalar(0).requires_grad(), b = Tensor::scalar(0).requires_grad();
  (a * 3 + b * 4).backward();
  CHECK(clip_grad_norm({a, b}, 1) == doctest::Approx(5));
  CHECK(a.grad().item() == doctest::Approx(0.6));
  CHECK(b.grad().item() == doctest::Approx(0.8));
}

TEST_CASE("chapter optim: the share that a weight average keeps grows with the steps") {
  Tensor w = Tensor::scalar(0);
  WeightAverage average({w}, 0.999);
  for (Index t = 1; t <= 1000; ++t) {
    w.values()[0] = 1 + average.averages()[0].item();  // 1 above the average
    const double before = static_cast<double>(average.averages()[0].item());
    average.update();
    const double kept = 1 - (static_cast<double>(average.averages()[0].item()) - before);
    if (t == 1) CHECK(kept == doctest::Approx(0.182).epsilon(0.005));
    if (t == 10) CHECK(kept == doctest::Approx(0.550).epsilon(0.005));
    if (t == 100) CHECK(kept == doctest::Approx(0.918).epsilon(0.005));
    if (t == 1000) CHECK(kept == doctest::Approx(0.991).epsilon(0.005));
  }
}
