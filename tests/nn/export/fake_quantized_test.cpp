// Training for integers: the numbers of fake quantisation, the way back through it, and that what
// is trained answers as the integers do that come out.
#include "nn/export/fake_quantized.h"

#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "data/synthetic_digits.h"
#include "nn/distill/distiller.h"
#include "nn/export/quantized_network.h"
#include "nn/model_spec.h"
#include "nn/models.h"
#include "nn/normalize.h"
#include "nn/residual.h"
#include "nn/train/evaluate.h"
#include "tests/nn/export/networks.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// Floats, whatever the elements are; some outside of [0, 1].
Tensor images_of(const Shape& shape, std::uint64_t seed) {
  Tensor images = random_tensor(shape, seed, -0.1, 1.1);
  for (real& x : images.values()) x = static_cast<float>(x);
  return images;
}

std::vector<double> softmax(const std::vector<double>& z) {
  std::vector<double> p;
  for (const double x : z) p.push_back(std::exp(x));
  const double sum = std::accumulate(p.begin(), p.end(), 0.0);
  for (double& x : p) x /= sum;
  return p;
}

// Layers of every kind that there are in integers.
Sequential many_kinds(Rng& rng) {
  Sequential net(Normalize({.mean = {0.2}, .deviation = {0.35}}),
                 Conv2d({.in = 1, .out = 8, .kernel = 3, .padding = 1, .bias = false}, rng),
                 BatchNorm2d({.channels = 8}), ReLU(), MaxPool2d({.kernel = 2}), ReLU());
  net.add(Residual(Conv2d({.in = 8, .out = 8, .kernel = 5, .padding = 2}, rng))).add(ReLU());
  net.add(Conv2d({.in = 8, .out = 8, .kernel = 3, .groups = 8}, rng));
  net.add(AvgPool2d({.kernel = 3, .stride = 2, .padding = 1})).add(Flatten());
  return std::move(net.add(Linear({.in = 8 * 4 * 4, .out = 10}, rng)));
}

// Whose last layer's means are the logits.
Sequential means(Rng& rng) {
  return Sequential(Conv2d({.in = 1, .out = 6, .kernel = 3, .stride = 2}, rng), ReLU(),
                    Conv2d({.in = 6, .out = 10, .kernel = 3}, rng), GlobalAvgPool2d());
}

Sequential linear_net(const Tensor& weight, const Tensor& bias) {
  Rng rng(0);
  Linear linear({.in = weight.dim(1), .out = weight.dim(0)}, rng);
  linear.weight = weight;
  linear.bias = bias;
  return Sequential(Flatten(), std::move(linear));
}

// A step of descent on some loss, as training does it.
void step(Module& model, const Tensor& images, double rate) {
  model.zero_grad();
  const Tensor y = model(images);
  mean(square(y - random_tensor(y.shape(), 5, -2, 2))).backward();
  for (Tensor& p : model.parameters()) {
    for (std::size_t i = 0; i < p.values().size(); ++i) {
      p.values()[i] -= static_cast<real>(rate) * p.grad().values()[i];
    }
  }
}

}  // namespace

TEST_CASE("fake quantisation of four weights at 8, 4 and 2 bits") {
  const Tensor w = Tensor::from({4}, {real(0.5), real(-1.2), real(0.033), real(0.9)});
  struct Row {
    int levels;
    std::initializer_list<double> integers, values;
    double error;  // mean square
  };
  for (const Row& row :
       {Row{127, {53, -127, 3, 95}, {0.500787402, -1.2, 0.028346457, 0.897637795}, 0.000006964},
        Row{7, {3, -7, 0, 5}, {0.514285714, -1.2, 0, 0.857142857}, 0.000782454},
        Row{1, {0, -1, 0, 1}, {0, -1.2, 0, 1.2}, 0.085272250}}) {
    CAPTURE(row.levels);
    const std::vector<double> scale = {double(real(1.2)) / row.levels};
    const Tensor kept = fake_quantize(w, scale, {.low = -row.levels, .high = row.levels});
    CHECK(difference(fake_integers(w, scale, {}), row.integers) == 0);
    CHECK(difference(kept, row.values) < 1e-7);
    CHECK(mean(square(w - kept)).item() == doctest::Approx(row.error).epsilon(1e-3));
  }
}

TEST_CASE("values span zero, and what is cut off has no gradient") {
  const Units units = Units::spanning(-0.4, 2.15);
  const IntegerRange bytes = {.low = 0, .high = 255, .zero = units.zero};
  Tensor x =
      Tensor::from({7}, {real(-0.6), real(-0.4), 0, real(0.013), 1, real(2.15), 3}).requires_grad();
  CHECK(units.zero == 40);
  const Tensor y = fake_quantize(x, {{units.scale}}, bytes);
  CHECK(difference(y, {-0.4, -0.4, 0, 0.01, 1, 2.15, 2.15}) < 1e-6);
  sum(y * 3).backward();
  CHECK(difference(x.grad(), {0, 3, 3, 3, 3, 3, 0}) == 0);

  // As integers, less their zero: a gradient of 1 / scale.
  x.clear_grad();
  const Tensor q = fake_integers(x, {{units.scale}}, bytes);
  CHECK(difference(q, {-40, -40, 0, 1, 100, 215, 215}) == 0);
  sum(q).backward();
  CHECK(difference(x.grad(), {0, 100, 100, 100, 100, 100, 0}) < 1e-4);
}

TEST_CASE("the answers of a rounded layer differ as they should") {
  // KL(p ‖ q) at T = 1, the mean of two rows: at 8 bits a millionth of its terms, so that it is
  // worked out in double here, from logits whose difference floats still hold.
  const std::vector<double> w = {0.5, -1.2, 0.033, 0.9, -0.7, 0.25}, x = {1, -0.5, 0.3, 0.8};
  const auto answer = [&x](std::span<const double> weight, std::size_t row) {
    std::vector<double> z;
    for (std::size_t o = 0; o < 3; ++o) {
      z.push_back(weight[2 * o] * x[2 * row] + weight[2 * o + 1] * x[2 * row + 1]);
    }
    return softmax(z);
  };
  for (const auto& pair : {std::pair(127, 0.000001142383), {7, 0.000157300}, {1, 0.019824030}}) {
    const int levels = pair.first;
    CAPTURE(levels);
    Tensor weight = Tensor::empty({3, 2});
    std::ranges::copy(w, weight.data());
    const Tensor kept = fake_quantize(weight, {{1.2 / levels}}, {});
    const std::vector<double> rounded(kept.values().begin(), kept.values().end());
    double kl = 0;
    for (const std::size_t row : {std::size_t{0}, std::size_t{1}}) {
      const std::vector<double> p = answer(w, row), q = answer(rounded, row);
      for (std::size_t c = 0; c < 3; ++c) kl += p[c] * std::log(p[c] / q[c]) / 2;
    }
    CHECK(kl == doctest::Approx(pair.second).epsilon(sizeof(real) == 8 ? 1e-5 : 2e-3));
  }
}

TEST_CASE("halves go away from zero, NaN stays, and each row may have its scale") {
  constexpr real nan = std::numeric_limits<real>::quiet_NaN();
  const Tensor q = fake_integers(Tensor::from({2, 3}, {0.5, -0.5, 1.5, 1, nan, -3}), {{1.0, 0.5}},
                                 {.low = -2, .high = 2});
  CHECK(std::isnan(q.values()[4]));
  for (const auto& [i, expected] : {std::pair(0, 1), {1, -1}, {2, 2}, {3, 2}, {5, -2}}) {
    CHECK(q.data()[i] == expected);
  }
  CHECK(fake_quantize(Tensor::zeros({0, 3}), {{1.0}}, {}).size() == 0);
  const auto refusal = [](std::vector<double> scales) {
    return error_of([&] { fake_quantize(Tensor::zeros({2, 3}), scales, {}); });
  };
  CHECK(refusal({1, 1, 1}) ==
        "fake_quantize: there are 3 scales for (2, 3); give one, or one for each of its rows");
  CHECK(refusal({}).starts_with("fake_quantize: there are 0 scales"));
  CHECK(refusal({1, 0}) == "fake_quantize: a scale must be above 0; got 0");
}

TEST_CASE("what is trained answers as its integers do, to the bit") {
  const Shape image{1, 20, 20};
  const Tensor images = images_of(image.with_front(12), 3);
  const TrainTest digits = synthetic_digits({.train = 1, .test = 12});
  std::vector<Index> all(12);
  std::iota(all.begin(), all.end(), Index{0});
  const Tensor drawn = make_batch(digits.test, all).images;
  for (const std::string kind : {"mlp:30,30", "cnn:4,6,16", "cnn-tiny", "many kinds", "means"}) {
    for (const int bits : {8, 4, 2}) {
      CAPTURE(kind);
      CAPTURE(bits);
      Rng rng(4);
      const bool is_drawn = kind == "cnn-tiny";
      const Tensor& seen = is_drawn ? drawn : images;
      Sequential net = kind == "many kinds" ? many_kinds(rng)
                       : kind == "means"
                           ? means(rng)
                           : make_model(kind, seen.shape().without_front(), 10, {}, rng);
      stir(net, seen);
      FakeQuantized learner(net, seen, {.bits = bits, .range_momentum = 0.1});
      const auto check = [&](const Quantized& integers) {
        const NoGrad no_grad;
        const EvalMode eval(learner);
        QuantizedNetwork network(integers);
        CHECK(same_bits(learner(seen), network(seen)));
        const Tensor others = images_of(seen.shape(), 8);
        CHECK(same_bits(learner(others), network(others)));
      };
      check(quantize(net, seen, {.bits = bits}));
      for (int i = 0; i < 3; ++i) step(learner, seen, 1e-3);  // weights move, and ranges
      check(learner.quantized());
      for (const QuantizedLayer& layer : learner.quantized().layers) {
        const int levels = (1 << (bits - 1)) - 1;
        CHECK(std::ranges::all_of(layer.weight, [=](int w) { return std::abs(w) <= levels; }));
      }
    }
  }
}

TEST_CASE("sums in the millions are exact where conv2d would transform") {
  Rng rng(1);
  Sequential net(Conv2d({.in = 16, .out = 4, .kernel = 5}, rng), Flatten());
  for (Tensor& p : net.parameters()) {
    const Tensor large = random_tensor(p.shape(), 3, 0.5, 1);
    std::ranges::copy(large.values(), p.data());
  }
  Tensor images = images_of({4, 16, 9, 9}, 2);
  for (real& x : images.values()) x = static_cast<float>(1 - std::abs(x) / 4);
  FakeQuantized learner(net, images);
  QuantizedNetwork network(learner.quantized());
  CHECK(same_bits(learner(images), network(images)));
}

TEST_CASE("sums beyond what a float holds are exact, of weights in two parts") {
  // 255 · 127 · 1,000 is above 2²⁴: all pixels at 1, weights of both signs near the largest.
  constexpr Index pixels = 1000;
  const Tensor weight = random_tensor({4, pixels}, 1, 0.7, 1);
  Sequential net = linear_net(weight, Tensor::from({4}, {1, -1, 3, 0}));
  Tensor images = images_of({5, 1, 1, pixels}, 2);
  for (real& x : images.values()) x = 1 - x / 50;
  FakeQuantized learner(net, images);
  const Tensor logits = learner(images);
  CHECK(logits.values()[0] > 800);
  QuantizedNetwork network(learner.quantized());
  CHECK(same_bits(logits, network(images)));
  sum(slice_rows(logits, 0, 1)).backward();
  const Tensor gradient = learner.named_parameters()[0].tensor.grad();
  CHECK(difference(slice_rows(gradient, 0, 1),
                   fake_quantize(slice_rows(images, 0, 1), {{1.0 / 255}}, {.low = 0, .high = 255})
                       .view({1, pixels})) < 1e-6);
}

TEST_CASE("the way back is that of a network with each value fake-quantised") {
  Rng rng(2);
  Sequential net(Flatten(), Linear({.in = 12, .out = 7}, rng), ReLU(),
                 Linear({.in = 7, .out = 3}, rng));
  Tensor images = images_of({9, 1, 3, 4}, 6);
  FakeQuantized learner(net, slice_rows(images, 0, 4), {.bits = 4, .range_momentum = 0});
  std::vector<Tensor> parameters = learner.parameters();  // w, b, w, b
  const Tensor cotangent = random_tensor({9, 3}, 7);
  images.requires_grad();
  sum(learner(images) * cotangent).backward();

  std::vector<Tensor> leaves;
  for (const Tensor& p : parameters) leaves.push_back(p.clone().requires_grad());
  Tensor x = images.clone().requires_grad();
  const auto weight = [](const Tensor& w) {
    std::vector<double> scales;
    for (Index o = 0; o < w.dim(0); ++o) {
      double largest = 0;
      for (Index i = 0; i < w.dim(1); ++i) {
        largest = std::max<double>(largest, std::abs(w.data()[o * w.dim(1) + i]));
      }
      scales.push_back(largest / 7);
    }
    return fake_quantize(w, scales, {});
  };
  const double range = learner.named_buffers()[0].tensor.values()[3];  // the ReLU's largest value
  const IntegerRange bytes = {.low = 0, .high = 255};
  const Tensor z =
      linear(flatten(fake_quantize(x, {{1.0 / 255}}, bytes)), weight(leaves[0]), leaves[1]);
  const Tensor h = fake_quantize(z, {{range / 255}}, bytes);
  sum(linear(h, weight(leaves[2]), leaves[3]) * cotangent).backward();
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    CAPTURE(i);
    CHECK(difference(parameters[i].grad(), leaves[i].grad()) < 1e-5);
  }
  CHECK(difference(images.grad(), x.grad()) < 1e-5);
}

TEST_CASE("ranges follow the batches of training, and stay otherwise") {
  Rng rng(1);
  Sequential net(Flatten(), Linear({.in = 2, .out = 1}, rng), Linear({.in = 1, .out = 2}, rng));
  for (Tensor& p : net.parameters()) std::ranges::fill(p.values(), real(p.size() == 1 ? 0 : 1));
  const Tensor one = Tensor::from({1, 1, 1, 2}, {0, 1});  // 1 in the hidden unit
  const Tensor two = Tensor::from({1, 1, 1, 2}, {1, 1});  // 2
  FakeQuantized learner(net, one, {.range_momentum = 0.25});
  const auto range = [&] { return learner.named_buffers().at(0).tensor.clone().view({4}); };
  CHECK(difference(slice_rows(range(), 0, 2), {0, 1}) == 0);
  learner(two);  // computed with 1 for the largest
  CHECK(difference(slice_rows(range(), 0, 2), {0, 1.25}) < 1e-6);
  learner.eval();
  learner(one);
  CHECK(difference(slice_rows(range(), 0, 2), {0, 1.25}) < 1e-6);
  FakeQuantized still(net, one, {.range_momentum = 0});
  still(two);
  CHECK(still.named_buffers().at(0).tensor.values()[1] == 1);
}

TEST_CASE("a network of three levels learns from itself in floats what rounding took") {
  const TrainTest digits = synthetic_digits({.train = 1500, .test = 400});
  Rng rng(1);
  Sequential net = mlp({784, 24, 10}, {}, rng);
  train_classifier(net, digits.train, {.epochs = 4, .batch_size = 32, .lr = 3e-3});
  const std::vector<Tensor> before = [&] {
    std::vector<Tensor> copies;
    for (const Tensor& p : net.parameters()) copies.push_back(p.clone());
    return copies;
  }();
  std::vector<Index> some(500);
  std::iota(some.begin(), some.end(), Index{0});
  const Tensor images = make_batch(digits.train, some).images;
  QuantizedNetwork rounded(quantize(net, images, {.bits = 2}));
  FakeQuantized learner(net, images, {.bits = 2});
  Distiller(net, learner, {.temperature = 2, .alpha = 0})
      .fit(digits.train, {.epochs = 3, .batch_size = 32, .lr = 1e-3});
  QuantizedNetwork trained(learner.quantized());
  const Index alone = count_errors(rounded, digits.test),
              after = count_errors(trained, digits.test);
  CAPTURE(alone);
  CHECK(2 * after < alone);
  CHECK(after == count_errors(learner, digits.test));
  const std::vector<Tensor> weights = net.parameters();
  for (std::size_t i = 0; i < before.size(); ++i) CHECK(same_bits(weights[i], before[i]));
}

TEST_CASE("what cannot be trained for integers is refused with the reason") {
  Sequential net = linear_net(Tensor::full({2, 2}, 1), Tensor::zeros({2}));
  const Tensor images = Tensor::zeros({3, 1, 1, 2});
  const auto refusal = [&](const FakeQuantizedOptions& options) {
    return error_of([&] { FakeQuantized(net, images, options); });
  };
  CHECK(refusal({.bits = 1}) == "export: weights have 2 to 8 bits; got 1");
  CHECK(refusal({.bits = 9}) == "export: weights have 2 to 8 bits; got 9");
  CHECK(refusal({.range_momentum = 1.5}) ==
        "FakeQuantized: range_momentum must be in [0, 1]; got 1.5");
  FakeQuantized learner(net, images);
  CHECK(learner.describe() == "FakeQuantized(8 bits)");
  CHECK(error_of([&] {
          learner(Tensor::zeros({3, 2}));
        }) == "FakeQuantized: it was made for images (1, 1, 2); got a batch (3, 2)");
  constexpr real nan = std::numeric_limits<real>::quiet_NaN();
  CHECK(std::isnan(sum(learner(Tensor::full({1, 1, 1, 2}, nan))).item()));
  CHECK(learner(Tensor::zeros({0, 1, 1, 2})).shape() == Shape{0, 2});
  Tensor weight = learner.named_parameters().at(0).tensor;
  weight.values()[0] = nan;
  for (const auto& work : {std::function<void()>([&] { learner(images); }),
                           std::function<void()>([&] { learner.quantized(); })}) {
    CHECK(error_of(work) ==
          "FakeQuantized: 0.weight is no longer finite; try a lower learning rate");
  }
}
