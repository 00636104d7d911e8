// RMSprop against its formulas, worked out in a loop.
#include "optim/rms_prop.h"

#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// One element of a parameter, and torch.optim.RMSprop's algorithm.
struct Element {
  double w, v = 0, b = 0, mean = 0;

  void step(double g, const RmsPropOptions& o) {
    g += o.weight_decay * w;
    v = o.alpha * v + (1 - o.alpha) * g * g;
    mean = o.alpha * mean + (1 - o.alpha) * g;
    const double root = std::sqrt(o.centered ? v - mean * mean : v) + o.eps;
    b = o.momentum * b + g / root;
    w -= o.lr * b;
  }
};

}  // namespace

TEST_CASE("RMSprop steps as its formulas say, by every way") {
  for (const double momentum : {0.0, 0.9}) {
    for (const bool centered : {false, true}) {
      for (const bool minimize : {false, true}) {
        CAPTURE(momentum);
        CAPTURE(centered);
        CAPTURE(minimize);
        const RmsPropOptions options{.lr = 0.05,
                                     .alpha = 0.8,
                                     .eps = 0.01,
                                     .weight_decay = 0.1,
                                     .momentum = momentum,
                                     .centered = centered};
        Tensor w = random_tensor({4, 5}, 1).requires_grad();
        std::vector<Element> elements;
        for (const real x : w.values()) elements.push_back({.w = static_cast<double>(x)});
        RmsProp rule({w}, options);
        for (std::uint64_t step = 0; step < 6; ++step) {
          const Tensor x = random_tensor({3, 5}, 10 + step), c = random_tensor({3, 4}, 20 + step);
          const Tensor loss = sum(linear(x, w, Tensor()) * c);
          if (minimize) {
            rule.minimize(loss);
          } else {
            rule.zero_grad();
            loss.backward();
            rule.step();
          }
          const Tensor g = matmul(c, x, {.a = true});
          for (std::size_t j = 0; j < elements.size(); ++j) {
            elements[j].step(static_cast<double>(g.values()[j]), options);
          }
        }
        for (std::size_t j = 0; j < elements.size(); ++j) {
          CHECK(static_cast<double>(w.values()[j]) == doctest::Approx(elements[j].w).epsilon(1e-4));
        }
      }
    }
  }
}

TEST_CASE("RMSprop's first step is lr / √(1 − α), whatever the size of the gradient") {
  Tensor w = Tensor::zeros({3}).requires_grad();
  RmsProp rule({w}, {.lr = 0.01});
  rule.minimize(sum(w * Tensor::from({3}, {real(1e-3), -5, 200})));
  CHECK(difference(w, {-0.1, 0.1, -0.1}) < 1e-5);
}

TEST_CASE("a variance that rounding makes negative gives no NaN, and a NaN stays one") {
  Tensor w = Tensor::zeros({50}).requires_grad();
  const Tensor g = random_tensor({50}, 1, 0.5, 2);
  RmsProp rule({w}, {.lr = 1e-9, .alpha = 0.5, .centered = true});
  for (int step = 0; step < 200; ++step) rule.minimize(sum(w * g));  // v and ḡ² meet
  for (const real x : std::as_const(w).values()) CHECK(std::isfinite(x));
  rule.minimize(sum(w * Tensor::full({50}, NAN)));
  CHECK(std::isnan(w.values()[0]));
}

TEST_CASE("RMSprop keeps what it uses, says what it is, and refuses options out of range") {
  const std::vector<Tensor> p = {Tensor::zeros({2}).requires_grad()};
  const auto names = [&](const RmsPropOptions& options) {
    RmsProp rule(p, options);
    std::string all;
    for (const NamedTensor& part : rule.named_state()) all += part.name + " ";
    return all;
  };
  CHECK(names({}) == "v.0 ");
  CHECK(names({.momentum = 0.9, .centered = true}) == "v.0 b.0 mean.0 ");
  CHECK(RmsProp(p, {.momentum = 0.5}).describe() ==
        "RmsProp(alpha = 0.99, eps = 1e-08, weight_decay = 0, momentum = 0.5, centered = false)");
  CHECK(contains(error_of([&] { RmsProp(p, {.alpha = 1}); }), "alpha must be in [0, 1); got 1"));
  CHECK(contains(error_of([&] { RmsProp(p, {.momentum = -1}); }), "momentum"));
  CHECK(contains(error_of([&] { RmsProp(p, {.eps = -1}); }), "eps"));
  CHECK(contains(error_of([&] { RmsProp(p, {.weight_decay = -1}); }), "weight_decay"));
}
