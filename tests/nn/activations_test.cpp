// Activations as layers. Their ops have tests of their own (tests/core/ops).
#include "nn/activations.h"

#include "nn/linear.h"
#include "nn/sequential.h"
#include "nn/testing.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

TEST_CASE("activation layers compute what their names say, by hand") {
  const Tensor x = Tensor::from({2, 2}, {-2, 0, 1, 3});
  const auto s = [](double v) { return 1 / (1 + std::exp(-v)); };
  const auto phi = [](double v) { return 0.5 * std::erfc(-v / std::sqrt(2.0)); };
  const double e2 = std::exp(2.0);
  CHECK(difference(LeakyReLU()(x), {-0.02, 0, 1, 3}) < 1e-6);
  CHECK(difference(LeakyReLU(0.5)(x), {-1, 0, 1, 3}) < 1e-6);
  CHECK(difference(SiLU()(x), {-2 * s(-2), 0, s(1), 3 * s(3)}) < 1e-6);
  CHECK(difference(GELU()(x), {-2 * phi(-2), 0, phi(1), 3 * phi(3)}) < 1e-6);
  CHECK(difference(Sigmoid()(x), {s(-2), 0.5, s(1), s(3)}) < 1e-6);
  CHECK(difference(Tanh()(x), {std::tanh(-2.0), 0, std::tanh(1.0), std::tanh(3.0)}) < 1e-6);
  CHECK(difference(Softmax()(x), {1 / (1 + e2), e2 / (1 + e2), 1 / (1 + e2), e2 / (1 + e2)}) <
        1e-6);
  CHECK(difference(Softmax(2)(x), {s(-1), s(1), s(-1), s(1)}) < 1e-6);
  for (const real odd : {real(NAN), real(INFINITY)}) {  // are noticed
    const Tensor v = Tensor::from({1}, {odd});
    for (const Tensor& y : {LeakyReLU()(v), SiLU()(v), GELU()(v)}) {
      CHECK_FALSE(std::isfinite(y.item()));
    }
  }
  CHECK(error_of([&] { Softmax(0)(x); }) ==
        "softmax: the temperature must be a positive number; got 0");
}

TEST_CASE("activation layers describe themselves, and have no parameters") {
  Rng rng(1);
  Sequential net(Linear({.in = 2, .out = 2}, rng), LeakyReLU(0.2), SiLU(), GELU(), Sigmoid(),
                 Tanh(), Softmax(), Softmax(4));
  std::vector<std::string> names;
  for (std::size_t i = 1; i < net.size(); ++i) names.push_back(net[i].describe());
  CHECK(joined(names) == "LeakyReLU(0.2)\nSiLU\nGELU\nSigmoid\nTanh\nSoftmax\nSoftmax(T 4)");
  CHECK(net.named_parameters().size() == 2);
#ifdef LIMBECK_REAL_DOUBLE
  CHECK(gradient_error(net, random_tensor({3, 2}, 2)) < 1e-6);
#endif
}
