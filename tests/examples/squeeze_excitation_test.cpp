// The layer of apps/examples/squeeze_excitation.h.
#include "apps/examples/squeeze_excitation.h"

#include "nn/testing.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

TEST_CASE("squeeze-and-excitation multiplies each channel by its gate") {
  Rng rng(1);
  SqueezeExcitation layer({.channels = 4, .reduction = 2}, rng);
  const Tensor x = random_tensor({2, 4, 3, 5}, 2);
  const Tensor y = layer(x), gates = layer.gates(x);
  REQUIRE(y.shape() == x.shape());
  REQUIRE(gates.shape() == Shape{2, 4});
  for (std::size_t i = 0; i < y.values().size(); ++i) {
    const real gate = gates.values()[i / 15];  // 3 × 5 pixels a channel
    CHECK(gate > 0);
    CHECK(gate < 1);
    CHECK(y.values()[i] == doctest::Approx(x.values()[i] * gate));
  }
}

TEST_CASE("squeeze-and-excitation with weights of 0 halves its input") {
  Rng rng(1);
  SqueezeExcitation layer({.channels = 4, .reduction = 2}, rng);
  for (Tensor& parameter : layer.parameters()) std::ranges::fill(parameter.values(), real(0));
  const Tensor x = random_tensor({2, 4, 3, 3}, 2);
  CHECK(difference(layer(x), x * real(0.5)) < 1e-6);  // sigmoid(0) = 1/2
}

TEST_CASE("squeeze-and-excitation names its parameters and refuses what does not divide") {
  Rng rng(1);
  SqueezeExcitation layer({.channels = 8, .reduction = 4}, rng);
  CHECK(layer.named_parameters()[0].name == "squeeze.weight");
  CHECK(layer.parameter_count() == 8 * 2 + 2 + 2 * 8 + 8);
  CHECK(error_of([&] { SqueezeExcitation({.channels = 8, .reduction = 3}, rng); }) ==
        "SqueezeExcitation: reduction must divide the number of channels; got 3 and 8");
}

TEST_CASE("squeeze-and-excitation opens its gates by the means that are positive") {
  Rng rng(1);
  SqueezeExcitation layer({.channels = 2, .reduction = 2}, rng);
  for (auto& [name, parameter] : layer.named_parameters()) {
    std::ranges::fill(parameter.values(), real(name.ends_with("weight") ? 1 : 0));
  }
  // Two images of one pixel. The sums of their channels are 2 and -2, of which relu leaves 2 and 0.
  const Tensor x = Tensor::from({2, 2, 1, 1}, {3, -1, 1, -3});
  const double open = 1 / (1 + std::exp(-2.0));
  CHECK(difference(layer(x), {3 * open, -open, 0.5, -1.5}) < 1e-6);
}

#ifdef LIMBECK_REAL_DOUBLE
TEST_CASE("the gradients of squeeze-and-excitation are those of finite differences") {
  Rng rng(1);
  SqueezeExcitation layer({.channels = 4, .reduction = 2}, rng);
  CHECK(gradient_error(layer, random_tensor({2, 4, 3, 3}, 2)) < 1e-6);
}
#endif
