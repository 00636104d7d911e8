// Exercises of optim/README.md. Write the bodies, take away doctest::skip() or run
//   build/float/tests/run --no-skip -tc='exercise optim*'
#include <functional>
#include <numbers>

#include "optim/optimizer.h"
#include "optim/schedule.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// The state of one parameter's elements, as long as the gradient, and what an update needs.
struct Elements {
  std::span<real> w;
  std::span<real> v;  // zeros at first
  std::span<const real> gradient;
  double lr, eps;
};

// AdaGrad (Duchi, Hazan, Singer, "Adaptive Subgradient Methods", 2011), for every element:
//   v ← v + g²      w ← w − lr g / (√v + ε)
void adagrad([[maybe_unused]] const Elements& x) {
  fail("exercise", "not done yet");
}

// RMSProp (Hinton, lecture 6e of "Neural Networks for Machine Learning", 2012): AdaGrad that
// forgets,
//   v ← ρ v + (1 − ρ) g²      w ← w − lr g / (√v + ε)
void rmsprop([[maybe_unused]] const Elements& x, [[maybe_unused]] double rho) {
  fail("exercise", "not done yet");
}

// Cosine with warm restarts (Loshchilov and Hutter, "SGDR", ICLR 2017): half a cosine from 1 down
// over `first` steps, then again from 1 over `factor` times as many, and so on. At step s of a
// period of n, counted from 0: (1 + cos(π s / n)) / 2.
Schedule restarts([[maybe_unused]] Index first, [[maybe_unused]] Index factor) {
  fail("exercise", "not done yet");
}

// An optimizer of one of the rules.
class ByRule : public Optimizer {
 public:
  using Rule = std::function<void(const Elements&)>;
  ByRule(std::vector<Tensor> parameters, double lr, Rule rule)
      : Optimizer(std::move(parameters), lr), rule_(std::move(rule)), v_(zeros_like_parameters()) {}

 protected:
  void update(std::size_t i, Index begin, std::span<const real> gradient) override {
    const auto part = [&](Tensor& t) {
      return t.values().subspan(static_cast<std::size_t>(begin), gradient.size());
    };
    rule_({part(parameters()[i]), part(v_[i]), gradient, lr(), 1e-8});
  }

 private:
  Rule rule_;
  std::vector<Tensor> v_;
};

// Where two weights are after n steps from 0 with the same gradient, (3, −0.01), each time.
Tensor after_steps(int n, double lr, const ByRule::Rule& rule) {
  Tensor w = Tensor::zeros({2}).requires_grad();
  ByRule optimizer({w}, lr, rule);
  for (int step = 0; step < n; ++step) {
    optimizer.minimize(sum(w * Tensor::from({2}, {3, real(-0.01)})));
  }
  return w.detach();
}

}  // namespace

TEST_CASE("exercise optim 1: AdaGrad's steps shrink as 1 / √t" * doctest::skip()) {
  // With one gradient all the time, v = t g² and the step is lr / √t in the direction of g.
  double path = 0;
  for (const int t : {1, 2, 3, 4, 5}) path += 0.1 / std::sqrt(t);
  CHECK(difference(after_steps(5, 0.1, adagrad), {-path, path}) < 1e-5);
}

TEST_CASE("exercise optim 2: RMSProp forgets, and begins with a large step" * doctest::skip()) {
  const auto rule = [](const Elements& x) { rmsprop(x, 0.9); };
  // v = (1 − 0.9ᵗ) g²: the step is lr / √(1 − 0.9ᵗ), 3.2 lr at first and lr in the end.
  CHECK(difference(after_steps(1, 0.1, rule), {-0.1 / std::sqrt(0.1), 0.1 / std::sqrt(0.1)}) <
        1e-4);
  double path = 0;
  for (int t = 1; t <= 50; ++t) path += 0.1 / std::sqrt(1 - std::pow(0.9, t));
  CHECK(difference(after_steps(50, 0.1, rule), {-path, path}) < 1e-4);
}

TEST_CASE("exercise optim 3: a cosine that starts again" * doctest::skip()) {
  const Schedule schedule = restarts(10, 2);  // periods begin at 0, 10, 30, 70
  for (const Index start : {0, 10, 30, 70}) CHECK(schedule(start) == doctest::Approx(1));
  CHECK(schedule(5) == doctest::Approx(0.5));
  CHECK(schedule(20) == doctest::Approx(0.5));
  CHECK(schedule(50) == doctest::Approx(0.5));
  CHECK(schedule(9) == doctest::Approx((1 + std::cos(0.9 * std::numbers::pi)) / 2));
  CHECK(schedule(29) < schedule(28));
  CHECK(restarts(4, 1)(4001) == doctest::Approx(restarts(4, 1)(1)));  // all of one length
}
