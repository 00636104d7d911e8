// Convolutional layers, networks by name, and layers that do the work of those after them.
#include "nn/models.h"

#include <span>

#include "nn/conv2d.h"
#include "nn/linear.h"
#include "nn/model_spec.h"
#include "nn/pooling.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

const Shape digit{1, 28, 28};

Sequential named(const std::string& spec) {
  Rng rng(1);
  return make_model(spec, digit, 10, {}, rng);
}

// The layers one by one, none of which does another's work.
Tensor one_by_one(Sequential& net, Tensor x) {
  for (std::size_t i = 0; i < net.size(); ++i) x = net[i](x);
  return x;
}

}  // namespace

TEST_CASE("Conv2d begins uniform in ±1/√fan_in, and describes itself") {
  Rng rng(1);
  const Conv2d conv({.in = 16, .out = 32, .kernel = {3, 5}, .padding = {1, 2}, .groups = 2}, rng);
  CHECK(conv.weight.shape() == Shape{32, 8, 3, 5});
  const double bound = 1 / std::sqrt(8.0 * 15);
  double largest = 0, squares = 0;
  for (const real v : conv.weight.values()) {
    largest = std::max(largest, std::abs(static_cast<double>(v)));
    squares += static_cast<double>(v) * static_cast<double>(v);
  }
  CHECK(largest <= bound);
  CHECK(largest > 0.99 * bound);
  // The variance of a uniform distribution; 3,840 numbers give it within 3 %.
  CHECK(squares / static_cast<double>(conv.weight.size()) ==
        doctest::Approx(bound * bound / 3).epsilon(0.06));
  CHECK(conv.describe() == "Conv2d(16, 32, kernel 3×5, padding 1×2, groups 2)");
  CHECK(Conv2d({.in = 1, .out = 2, .kernel = 3, .dilation = {1, 2}}, rng).describe() ==
        "Conv2d(1, 2, kernel 3, dilation 1×2)");
  CHECK(
      contains(error_of([&] { Conv2d({.in = 3, .out = 4, .groups = 2}, rng); }), "do not divide"));
  CHECK(contains(error_of([&] { Conv2d({.in = 0, .out = 4}, rng); }), "at least 1; got 0 and 4"));
  CHECK(contains(error_of([&] { Conv2d({.in = 1, .out = 4, .kernel = 0}, rng); }), "kernel"));
}

TEST_CASE("a Sequential gives what its layers give one by one, though some do others' work") {
  Rng rng(1);
  Sequential net(Conv2d({.in = 1, .out = 4, .kernel = 3}, rng), ReLU(), MaxPool2d({.kernel = 2}),
                 Conv2d({.in = 4, .out = 5, .kernel = 3, .padding = 2, .dilation = 2}, rng), ReLU(),
                 MaxPool2d({.kernel = 3, .stride = 2}),  // not the pooling that conv2d can do
                 Conv2d({.in = 5, .out = 6, .kernel = 3}, rng), Flatten(),
                 Linear({.in = 6 * 3 * 3, .out = 7}, rng), ReLU(),
                 Linear({.in = 7, .out = 2}, rng));
  const Tensor x = random_tensor({3, 1, 24, 24}, 2);
  CHECK(difference(net(x), one_by_one(net, x)) < 1e-5);
  Sequential ends(Linear({.in = 24, .out = 3}, rng), ReLU());
  CHECK(difference(ends(x), one_by_one(ends, x)) < 1e-5);
}

TEST_CASE("networks by name have the sizes that they should") {
  // Σ over layers of weights and biases; those of LeNet-5 stand in many a textbook.
  CHECK(named("lenet5").parameter_count() == 61'706);
  CHECK(named("cnn:32,64,512").parameter_count() ==
        (32 * 25 + 32) + (64 * 32 * 25 + 64) + (3136 * 512 + 512) + (512 * 10 + 10));
  CHECK(named("cnn-tiny").parameter_count() < 10'000);
  // Those of nn/models.h; what others have registered comes after them.
  for (const Preset& preset : std::span(model_presets()).first(3)) {
    CAPTURE(preset.name);
    Sequential net = named(preset.name);
    CHECK(net(random_tensor({2, 1, 28, 28}, 1)).shape() == Shape{2, 10});
    net.eval();
    CHECK(net(random_tensor({1, 1, 28, 28}, 1)).shape() == Shape{1, 10});
    check_model_spec(preset.name);
    Rng rng(1);
    CHECK(contains(error_of([&] { make_model(preset.name, {1, 8, 8}, 10, {}, rng); }), "16 × 16"));
  }
  Rng rng(1);
  CHECK(contains(error_of([&] { make_model("cnn:1,1,1,1,1,9", digit, 10, {}, rng); }),
                 "5 poolings leave nothing of images (1, 28, 28)"));
}

TEST_CASE("multiply-adds are outputs times the inputs that each sums over") {
  Sequential perceptron = named("mlp:32");
  CHECK(multiply_adds(perceptron, digit) == 784 * 32 + 32 * 10);
  Sequential convolutional = named("cnn:8,16,32");
  CHECK(multiply_adds(convolutional, digit) == 784 * 8 * 25 + 196 * 16 * 8 * 25 + 784 * 32 + 320);
}
