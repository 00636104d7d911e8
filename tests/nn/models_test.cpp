// Convolutional layers, networks by name, and layers that do the work of those after them.
#include "nn/models.h"

#include <map>
#include <span>

#include "nn/conv2d.h"
#include "nn/linear.h"
#include "nn/model_spec.h"
#include "nn/pooling.h"
#include "nn/resnet.h"
#include "nn/testing.h"
#include "nn/weights.h"
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
  for (const Preset& preset : std::span(model_presets()).first(8)) {
    CAPTURE(preset.name);
    Sequential net = named(preset.name);
    CHECK(net(random_tensor({2, 1, 28, 28}, 1)).shape() == Shape{2, 10});
    net.eval();
    CHECK(net(random_tensor({1, 1, 28, 28}, 1)).shape() == Shape{1, 10});
    check_model_spec(preset.name);
  }
  for (const char* name : {"lenet5", "cnn-large", "cnn-tiny", "vgg-small"}) {
    Rng rng(1);
    CHECK(contains(error_of([&] { make_model(name, {1, 8, 8}, 10, {}, rng); }), "16 × 16"));
  }
  Rng rng(1);
  CHECK(contains(error_of([&] { make_model("cnn:1,1,1,1,1,9", digit, 10, {}, rng); }),
                 "5 poolings leave nothing of images (1, 28, 28)"));
}

TEST_CASE("residual, separable and attending networks have as many parameters as on paper") {
  const auto count = [](const char* spec, const Shape& image, double dropout = 0) {
    Rng rng(1);
    Sequential net = make_model(spec, image, 10, {.dropout = dropout}, rng);
    CHECK(net(random_tensor(image.with_front(2), 1)).shape() == Shape{2, 10});
    return net.parameter_count();
  };
  const Shape colours{3, 32, 32};
  const auto conv = [](Index in, Index out, Index kernel) { return in * out * kernel * kernel; };
  const auto norm = [](Index channels) { return 2 * channels; };
  const auto dense = [](Index in, Index out) { return in * out + out; };

  // Two 3×3 convolutions and their norms; where the shape changes, a 1×1 one and its norm beside.
  const auto block = [&](Index in, Index out) {
    return conv(in, out, 3) + conv(out, out, 3) + 2 * norm(out) +
           (in == out ? 0 : conv(in, out, 1) + norm(out));
  };
  const auto stages = [&](Index more) {
    return block(16, 16) + block(16, 32) + block(32, 64) +
           more * (block(16, 16) + block(32, 32) + block(64, 64));
  };
  const Index ends = norm(16) + dense(64, 10);
  CHECK(count("resnet8", digit) == conv(1, 16, 3) + stages(0) + ends);
  CHECK(count("resnet8", colours, 0.5) == conv(3, 16, 3) + stages(0) + ends);
  CHECK(count("resnet20", digit) == conv(1, 16, 3) + stages(2) + ends);
  // 272,474 for CIFAR-10, as published for this network.
  CHECK(count("resnet20", colours) == 272'474);

  const auto vgg = [&](Index channels, Index side) {
    return conv(channels, 32, 3) + conv(32, 32, 3) + conv(32, 64, 3) + conv(64, 64, 3) +
           conv(64, 128, 3) + conv(128, 128, 3) + 2 * (norm(32) + norm(64) + norm(128)) +
           dense(128 * side * side, 256) + dense(256, 10);
  };
  CHECK(count("vgg-small", digit) == vgg(1, 3));  // 28 → 14 → 7 → 3
  CHECK(count("vgg-small", colours) == vgg(3, 4));

  const auto pair = [&](Index in, Index out) { return in * 9 + norm(in) + in * out + norm(out); };
  const Index pairs = pair(16, 32) + pair(32, 64) + pair(64, 64) + pair(64, 128) + pair(128, 128);
  CHECK(count("mobilenet-small", digit) == conv(1, 16, 3) + norm(16) + pairs + dense(128, 10));
  CHECK(count("mobilenet-small", colours, 0.5) ==
        conv(3, 16, 3) + norm(16) + pairs + dense(128, 10));

  const auto transformer = [&](Index channels, Index tokens) {
    const Index attention = 4 * dense(64, 64), thought = dense(64, 128) + dense(128, 64);
    return dense(channels * 16, 64) + tokens * 64 + 2 * (2 * norm(64) + attention + thought) +
           norm(64) + dense(64, 10);
  };
  CHECK(count("vit-tiny", digit) == transformer(1, 49));
  CHECK(count("vit-tiny", colours, 0.5) == transformer(3, 64));
}

TEST_CASE("a basic block is two convolutions and a way around them") {
  Rng rng(1);
  BasicBlock block({.in = 2, .out = 3, .stride = 2}, rng);
  CHECK(block.describe() == "BasicBlock(2, 3, stride 2)");
  block.eval();
  std::map<std::string, Tensor> at;
  for (NamedTensor part : named_state(block)) {
    const Tensor some = random_tensor(part.tensor.shape(), 7 + at.size(), 0.5, 1.5);
    std::ranges::copy(some.values(), part.tensor.values().begin());
    at[part.name] = part.tensor;
  }
  const Tensor x = random_tensor({2, 2, 5, 6}, 3);
  const auto norm = [&](const Tensor& y, const std::string& name) {
    const Shape planes{y.dim(1), 1, 1};
    const auto of = [&](const char* what) { return at.at(name + what).view(planes); };
    const Tensor centred = y - of(".running_mean");
    return centred / sqrt(of(".running_var") + real(1e-5)) * of(".weight") + of(".bias");
  };
  const ConvOptions halving{.stride = 2, .padding = 1}, same{.padding = 1};
  const Tensor inner = relu(norm(conv2d(x, at.at("conv1.weight"), {}, halving), "bn1"));
  const Tensor change = norm(conv2d(inner, at.at("conv2.weight"), {}, same), "bn2");
  const Tensor around =
      norm(conv2d(x, at.at("downsample.0.weight"), {}, {.stride = 2}), "downsample.1");
  CHECK(difference(block(x), relu(change + around)) < 1e-4);
#ifdef LIMBECK_REAL_DOUBLE
  CHECK(gradient_error(block, x) < 1e-6);
#endif
  CHECK(named_state(BasicBlock({.in = 2, .out = 2}, rng)).size() == 10);  // x itself passes around
  CHECK(contains(error_of([&] {
                   resnet({1, 8, 8}, 2, {.blocks = 0}, rng);
                 }),
                 "resnet: a stage has at least one block; got 0"));
}

TEST_CASE("multiply-adds are outputs times the inputs that each sums over") {
  Sequential perceptron = named("mlp:32");
  CHECK(multiply_adds(perceptron, digit) == 784 * 32 + 32 * 10);
  Sequential convolutional = named("cnn:8,16,32");
  CHECK(multiply_adds(convolutional, digit) == 784 * 8 * 25 + 196 * 16 * 8 * 25 + 784 * 32 + 320);
}
