// Networks in integers: their arithmetic by hand, and what they refuse.
#include <cmath>
#include <limits>

#include "nn/conv2d.h"
#include "nn/export/quantized_network.h"
#include "nn/linear.h"
#include "nn/pooling.h"
#include "nn/residual.h"
#include "nn/sequential.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// Images of one channel and one row, of pixels from 0 to 255.
Tensor rows(Index width, const std::vector<std::uint8_t>& pixels) {
  Tensor images = Tensor::empty({static_cast<Index>(pixels.size()) / width, 1, 1, width});
  std::ranges::transform(pixels, images.data(), [](auto p) { return real(p) / 255; });
  return images;
}

// The logits for all images by the network in integers, calibrated on them.
Tensor integer_logits(Sequential& network, const Tensor& images) {
  QuantizedNetwork quantized(quantize(network, images));
  return quantized(images);
}

Linear linear_of(const Tensor& weight, const Tensor& bias) {
  Rng rng(0);
  Linear linear({.in = weight.dim(1), .out = weight.dim(0)}, rng);
  linear.weight = weight;
  linear.bias = bias;
  return linear;
}

std::string refusal(Sequential& network, const Tensor& images) {
  return error_of([&] { quantize(network, images); });
}

}  // namespace

TEST_CASE("bytes span a range and 0") {
  const auto check = [](double low, double high, double scale, int zero) {
    const Units units = Units::spanning(low, high);
    CHECK(units.scale == doctest::Approx(scale));
    CHECK(units.zero == zero);
  };
  check(0, 2.55, 0.01, 0);
  check(1, 2.55, 0.01, 0);
  check(-1, 1.55, 0.01, 100);
  check(-2.55, -1, 0.01, 255);
  check(0, 0, 1, 0);
}

TEST_CASE("a factor in integers rounds as the real one does") {
  Rng rng(3);
  for (int i = 0; i < 100'000; ++i) {
    const double factor = std::exp(uniform({}, -15, 0, rng).item());
    const auto bias = static_cast<std::int32_t>(uniform({}, -1e4, 1e4, rng).item());
    const auto sum = static_cast<std::int32_t>(uniform({}, -300, 300, rng).item() / factor);
    // 31 bits of a factor leave a sum of 32 in doubt by less than 1, so near a half either will do.
    const double exact = 100 + (static_cast<double>(sum) + bias) * factor;
    if (std::abs(exact - std::floor(exact) - 0.5) < 1e-6) continue;
    const double expected = std::clamp(std::round(exact), 0.0, 255.0);
    REQUIRE(ByteChannel::of(bias, factor, 100).byte(sum) == expected);
  }
}

TEST_CASE("halves go away from zero, and extremes are cut to a byte") {
  const auto byte = [](double factor, std::int32_t sum) {
    return ByteChannel::of(0, factor, 100).byte(sum);
  };
  CHECK(byte(0.5, 1) == 101);
  CHECK(byte(0.5, -1) == 99);
  CHECK(byte(0.5, 3) == 102);
  CHECK(byte(1, 155) == 255);
  CHECK(byte(1, 156) == 255);
  CHECK(byte(1, -101) == 0);
  constexpr std::int32_t most = std::numeric_limits<std::int32_t>::max();
  for (const std::int32_t sum : {1, most}) {
    CHECK(byte(1e-30, sum) == 100);
    CHECK(byte(1e30, sum) == 255);
    CHECK(byte(1e30, -sum) == 0);
  }
  CHECK(byte(1e30, 0) == 100);
  CHECK(byte(std::ldexp(1, -32), most) == 100);  // a little below a half
  CHECK(byte(std::ldexp(1, -31), most) == 101);
}

TEST_CASE("a Linear in integers is what one computes by hand") {
  Sequential net(Flatten(), linear_of(Tensor::from({1, 2}, {real(1.27), real(-0.64)}),
                                      Tensor::from({1}, {real(0.5)})));
  const Tensor images = rows(2, {255, 51});
  const QuantizedLayer layer = quantize(net, images).layers.at(0);
  CHECK(layer.weight == std::vector<std::int8_t>{127, -64});
  REQUIRE(layer.logits.size() == 1);
  CHECK(layer.logits[0].bias == 12'750);  // 0.5 in units of 0.01 / 255
  // (127 · 255 − 64 · 51 + 12,750) · 0.01 / 255 = 1.27 · 1 − 0.64 · 0.2 + 0.5
  CHECK(integer_logits(net, images).item() == doctest::Approx(1.642));
}

TEST_CASE("of fewer bits weights keep fewer levels, in bytes all the same") {
  Sequential net(Flatten(), linear_of(Tensor::from({1, 2}, {real(1.26), real(-0.65)}),
                                      Tensor::from({1}, {real(0.5)})));
  const Tensor images = rows(2, {255, 51});
  const auto weight = [&](int bits) {
    return quantize(net, images, {.bits = bits}).layers.at(0).weight;
  };
  CHECK(weight(8) == std::vector<std::int8_t>{127, -66});
  CHECK(weight(4) == std::vector<std::int8_t>{7, -4});  // in units of 0.18
  CHECK(weight(2) == std::vector<std::int8_t>{1, -1});
  // (255 − 51 + 101) · 1.26 / 255: the bias 0.5 is 101 in units of a sum.
  QuantizedNetwork two(quantize(net, images, {.bits = 2}));
  CHECK(two(images).item() == doctest::Approx(1.507059));
  CHECK(error_of([&] { quantize(net, images, {.bits = 16}); }) ==
        "export: weights have 2 to 8 bits; got 16");
}

TEST_CASE("a hidden layer keeps what a byte holds, and a ReLU after it cuts below zero") {
  Sequential net(Flatten(),
                 linear_of(Tensor::from({2, 2}, {2, 0, 1, -1}), Tensor::from({2}, {0, 0})), ReLU(),
                 linear_of(Tensor::from({2, 2}, {1, 0, 0, 1}), Tensor::from({2}, {0, 0})));
  const Tensor images = rows(2, {255, 1, 100, 200, 34, 0});
  const Quantized quantized = quantize(net, images);
  CHECK(quantized.layers.size() == 2);  // the ReLU has gone
  CHECK(quantized.layers[1].zero == 0);
  // The hidden values are 2 a and max(a − b, 0), from 0 to 2, in steps of 2/255.
  const auto hidden = [](double q) { return q * 2 / 255; };
  CHECK(difference(integer_logits(net, images), {hidden(255), hidden(127), hidden(100), hidden(0),
                                                 hidden(34), hidden(17)}) < 1e-5);
}

TEST_CASE("padding counts as 0 where 0 is not the byte 0") {
  Rng rng(1);
  Sequential net(Conv2d({.in = 1, .out = 1}, rng),
                 Conv2d({.in = 1, .out = 1, .kernel = 3, .padding = 1}, rng));
  for (auto& parameter : net.named_parameters()) {
    const real value = parameter.name == "0.weight" ? -1 : parameter.name == "0.bias" ? 0.5f : 1;
    std::ranges::fill(parameter.tensor.values(), parameter.name == "1.bias" ? 0 : value);
  }
  // 0.5 − x, from −0.5 to 0.5; then the sum over a row of up to three.
  const Tensor images = rows(3, {0, 0, 0, 255, 255, 255, 0, 255, 0});
  CHECK(quantize(net, images).layers.at(1).zero == 128);
  CHECK(difference(integer_logits(net, images).view({9}), {1, 1.5, 1, -1, -1.5, -1, 0, 0.5, 0}) <
        3.0 / 255);
}

TEST_CASE("poolings and a late ReLU keep to their units") {
  Sequential net(MaxPool2d({.kernel = {1, 3}, .stride = {1, 2}, .padding = {0, 1}}), ReLU(),
                 AvgPool2d({.kernel = {1, 2}, .stride = 1}), GlobalAvgPool2d());
  // Maxima of three at a step of two, then means of neighbours, then their mean.
  const Tensor images = rows(6, {255, 0, 0, 51, 102, 0, 0, 0, 0, 0, 0, 0});
  // maxima 1, 0.2, 0.4; means 0.6, 0.3; 0.45
  CHECK(difference(integer_logits(net, images), {0.45, 0}) < 1.0 / 255);
}

TEST_CASE("a sum of two bytes of different units is that of the numbers they stand for") {
  // a = 0.02 (q − 100), b = 0.01 q, their sum from −2 to 6.
  const Units a = {.scale = 0.02, .zero = 100}, b = {.scale = 0.01, .zero = 0};
  const Units out = Units::spanning(-2, 6);
  const ByteSum sum = ByteSum::of(a, b, out);
  for (int p = 0; p < 256; ++p) {
    for (int q = 0; q < 256; ++q) {
      const double exact = out.zero + (a.scale * (p - a.zero) + b.scale * q) / out.scale;
      if (std::abs(exact - std::floor(exact) - 0.5) < 1e-6) continue;
      const double expected = std::clamp(std::round(exact), 0.0, 255.0);
      REQUIRE(sum.byte(static_cast<std::uint8_t>(p), static_cast<std::uint8_t>(q)) == expected);
    }
  }
}

TEST_CASE("a residual sum in integers has units of its own, and a ReLU after it is no work") {
  // x + f(x) with f(x) = (−2 b, a) for x = (a, b): (a − 2 b, a + b), cut below 0.
  Sequential net(
      Flatten(),
      Residual(linear_of(Tensor::from({2, 2}, {0, -2, 1, 0}), Tensor::from({2}, {0, 0}))), ReLU(),
      linear_of(Tensor::from({2, 2}, {1, 0, 0, 1}), Tensor::from({2}, {0, 0})));
  const Tensor images = rows(2, {255, 0, 100, 200, 255, 255});
  const Quantized quantized = quantize(net, images);
  REQUIRE(quantized.layers.size() == 3);
  CHECK(quantized.layers[1].kind == PlainKind::add);
  CHECK(quantized.layers[1].from == std::vector<std::size_t>{0, 1});
  CHECK(quantized.layers[2].from == std::vector<std::size_t>{2});
  CHECK(quantized.layers[2].zero == 0);
  CHECK(difference(integer_logits(net, images), {1, 1, 0, 300.0 / 255, 0, 2}) < 2.0 / 255);
}

TEST_CASE("a channel of nothing, and one of little beside its bias, are no trouble") {
  Sequential net(
      Flatten(),
      linear_of(Tensor::from({2, 2}, {0, 0, real(1e-12), 0}), Tensor::from({2}, {-3, 7})), ReLU(),
      linear_of(Tensor::from({1, 2}, {1, 1}), Tensor::from({1}, {real(0.25)})));
  CHECK(difference(integer_logits(net, rows(2, {255, 51})), {7.25}) < 1e-4);
}

TEST_CASE("a network that cannot be had in integers is refused with the reason") {
  Rng rng(1);
  const Tensor images = rows(2, {1, 2, 3, 4});
  const auto linear = [&] { return Linear({.in = 2, .out = 2}, rng); };
  Sequential net(Flatten(), linear());
  CHECK(refusal(net, rows(2, {})) == "export: there are no images to calibrate the network on");
  CHECK(error_of([&] {
          QuantizedNetwork quantized(quantize(net, images));
          quantized(Tensor::zeros({5, 1, 2, 1}));
        }) == "QuantizedNetwork: it was made for images (1, 1, 2); got a batch (5, 1, 2, 1)");

  const std::string ends =
      "export: the last layer of a network in integers must be a Linear, a "
      "Conv2d or a mean";
  Sequential relu(Flatten(), linear(), ReLU());
  CHECK(refusal(relu, images) == ends);
  Sequential maximum(MaxPool2d({.kernel = 1}));
  CHECK(refusal(maximum, images) == ends);

  Sequential nothing{Flatten()};
  CHECK(refusal(nothing, images) == "export: the network has no layer that computes anything");
  Sequential images_in{linear()};
  CHECK(refusal(images_in, images) ==
        "export: a Linear takes features here, and gets (1, 1, 2); put a Flatten before it");
  Sequential function(Flatten(), [](const Tensor& x) { return x * x; });
  CHECK(refusal(function, images).starts_with("export: 1 (Function): mul cannot be exported to C"));
  Sequential sum{Flatten(), Residual(linear())};
  CHECK(refusal(sum, images) == ends);

  const real nan = std::numeric_limits<real>::quiet_NaN();
  Sequential broken(Flatten(), linear_of(Tensor::from({1, 2}, {1, nan}), Tensor::zeros({1})));
  CHECK(refusal(broken, images) ==
        "export: a layer (2) → (1) has weights that are not finite as floats");

  constexpr Index many = 80'000;
  Sequential wide(Flatten(), linear_of(Tensor::full({1, many}, 1), Tensor::zeros({1})));
  CHECK(refusal(wide, rows(many, std::vector<std::uint8_t>(many, 1))) ==
        "export: a sum over 80000 weights may need more than 32 bits");
}
