// Normalisation, pooling, residual and Dropout2d layers, and the buffers of modules.
#include "core/function_ref.h"
#include "nn/batch_norm.h"
#include "nn/dropout.h"
#include "nn/group_norm.h"
#include "nn/layer_norm.h"
#include "nn/linear.h"
#include "nn/pooling.h"
#include "nn/residual.h"
#include "nn/sequential.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

constexpr double tolerance = 1e-5;

std::vector<std::string> names(const std::vector<NamedTensor>& tensors) {
  std::vector<std::string> result;
  for (const NamedTensor& t : tensors) result.push_back(t.name);
  return result;
}

}  // namespace

TEST_CASE("BatchNorm2d follows PyTorch through training and evaluation") {
  // bn = torch.nn.BatchNorm2d(2) with weight wave((2,), 1, 0.4) and bias wave((2,), 1, 1.5)
  // for b in range(3): y = bn(wave((2, 2, 2, 2), 2 + b, 0.9 + b) + 3)
  BatchNorm2d layer({.channels = 2});
  layer.weight = wave({2}, 1, 0.4).requires_grad();
  layer.bias = wave({2}, 1, 1.5).requires_grad();
  Tensor y;
  for (const int b : {0, 1, 2}) y = layer(wave({2, 2, 2, 2}, 2 + b, 0.9 + b) + 3);
  CHECK(difference(
            y, {1.675812295, 0.03696892011, 1.303558221, 0.4827911484, 0.6236233048, 0.9036420115,
                -0.1348713836, 1.601816031, -0.08679822305, 1.762576968, -0.2848177104, 1.841676259,
                -0.9643775302, 1.933163965, -0.5461160432, 1.370896797}) < tolerance);
  CHECK(difference(layer.running_mean, {0.8762292307, 0.827854967}) < tolerance);
  CHECK(difference(layer.running_var, {2.441658305, 2.162664657}) < tolerance);

  // y = bn(x := wave((2, 2, 2, 2), 2, 0.9)); (y * wave(y.shape, 1, 0.3)).sum().backward()
  Tensor x = wave({2, 2, 2, 2}, 2, 0.9).requires_grad();
  sum(layer(x) * wave(x.shape(), 1, 0.3)).backward();
  CHECK(difference(x.grad(), {0.1890265834, 0.2282450616, 0.4415850114, 0.6818016231, 0.3793884245,
                              0.3237832046, 0.3907245825, 0.4113811123, -0.4904826244,
                              -0.4572912503, -0.320261251, -0.2726231538, -0.7425072628,
                              -0.4895804454, -0.207608235, -0.06558138071}) < tolerance);
  CHECK(difference(layer.weight.grad(), {3.027607369, -2.591022579}) < tolerance);
  CHECK(difference(layer.bias.grad(), {1.292557186, -1.781601237}) < tolerance);

  // bn.eval(); bn.zero_grad(); y = bn(x := wave((1, 2, 2, 2), 2, 0.9)); and backward as above
  layer.eval();
  layer.zero_grad();
  x = wave({1, 2, 2, 2}, 2, 0.9).requires_grad();
  y = layer(x);
  sum(y * wave(x.shape(), 1, 0.3)).backward();
  CHECK(difference(y, {1.306591197, 1.419784344, 0.7596974019, -0.1741289916, -1.228509541,
                       -0.8449408438, 0.2493748549, 1.226281251}) < tolerance);
  CHECK(difference(x.grad(), {0.4543048936, 0.5202190055, 0.539663503, 0.510901467, 0.5381106767,
                              0.3983249015, 0.2229579492, 0.02767482736}) < tolerance);
  CHECK(difference(layer.weight.grad(), {-0.1119198747, -2.467694953}) < tolerance);
  CHECK(difference(layer.running_var, {2.429181496, 2.1921988}) < tolerance);
}

TEST_CASE("BatchNorm1d gives PyTorch's values and gradients") {
  // bn = torch.nn.BatchNorm1d(3); y = bn(x := wave((4, 3), 2, 0.9))
  // (y * wave((4, 3), 1, 0.3)).sum().backward()
  BatchNorm1d layer({.channels = 3});
  const Tensor x = wave({4, 3}, 2, 0.9).requires_grad();
  const Tensor y = layer(x);
  sum(y * wave({4, 3}, 1, 0.3)).backward();
  CHECK(difference(y, {1.333102851, 1.037947021, 0.56495249, -1.45937003, -1.246236313,
                       -0.7671247039, -0.1430977564, 0.9250755062, 1.340419634, 0.2693649362,
                       -0.7167862144, -1.13824742}) < tolerance);
  CHECK(difference(x.grad(), {0.6039611234, 0.3241086586, 0.4987408364, 0.3909098997, 0.4256134525,
                              0.4137864687, -0.08077947017, -0.2091418396, -0.4046605576,
                              -0.9140915528, -0.5405802715, -0.5078667474}) < tolerance);
  CHECK(difference(layer.running_var, {1.028613265, 1.284711153, 1.225421395}) < tolerance);
}

TEST_CASE("LayerNorm gives PyTorch's values and gradients") {
  // ln = torch.nn.LayerNorm(4) with weight wave((4,), 1, 0.4) and bias wave((4,), 1, 1.5)
  // y = ln(x := wave((3, 4), 2, 0.9)); (y * wave((3, 4), 1, 0.3)).sum().backward()
  LayerNorm layer({.features = 4});
  layer.weight = wave({4}, 1, 0.4).requires_grad();
  layer.bias = wave({4}, 1, 1.5).requires_grad();
  const Tensor x = wave({3, 4}, 2, 0.9).requires_grad();
  const Tensor y = layer(x);
  sum(y * wave({3, 4}, 1, 0.3)).backward();
  CHECK(difference(y, {1.480608465, 1.523992444, -0.8623424375, -1.991340161, -0.102647377,
                       -0.1141644151, -0.3529591001, 0.4509781033, 1.974332631, 1.109132842,
                       -1.371860448, -1.702345853}) < tolerance);
  CHECK(difference(x.grad(), {-0.1382416649, 0.06451729196, 0.1090809581, -0.03535658511,
                              -0.006546665642, 0.0002260950477, 0.01597451881, -0.009653948217,
                              0.0420640321, -0.0495966788, -0.03598597897, 0.04351862567}) <
        tolerance);
  CHECK(difference(layer.weight.grad(),
                   {-0.6120155991, 0.1976082916, 0.5085653952, -0.3159252454}) < tolerance);
  CHECK(difference(layer.bias.grad(), {1.394426287, 1.032194189, 0.5777592579, 0.07171481337}) <
        tolerance);
}

TEST_CASE("GroupNorm and InstanceNorm, by hand, with the layer's own parameters") {
  // Two groups of two channels of one pixel: 1, 3 and 10, 30 both become −1, 1.
  const Tensor x = Tensor::from({1, 4, 1, 1}, {1, 3, 10, 30});
  GroupNorm layer({.groups = 2, .channels = 4, .eps = 0});
  CHECK(difference(layer(x), {-1, 1, -1, 1}) < 1e-5);
  layer.weight = Tensor::from({4}, {1, 2, 3, 4}).requires_grad();
  layer.bias = Tensor::from({4}, {0, 10, 20, 30}).requires_grad();
  const Tensor y = layer(x);
  CHECK(difference(y, {-1, 12, 17, 34}) < 1e-5);
  sum(y * Tensor::from({1, 4, 1, 1}, {1, 2, 4, 8})).backward();
  CHECK(difference(layer.weight.grad(), {-1, 2, -4, 8}) < 1e-5);
  CHECK(difference(layer.bias.grad(), {1, 2, 4, 8}) < 1e-5);
  // Each channel of an image by itself, and each image: 0, 2, 4, 6 have mean 3 and variance 5.
  const Tensor images = Tensor::from({2, 1, 2, 2}, {0, 2, 4, 6, 10, 10, 30, 30});
  const double r = std::sqrt(5);
  CHECK(difference(InstanceNorm(0)(images), {-3 / r, -1 / r, 1 / r, 3 / r, -1, -1, 1, 1}) < 1e-5);
  CHECK(layer.describe() == "GroupNorm(2, 4)");
  CHECK(names(layer.named_parameters()) == std::vector<std::string>{"weight", "bias"});
  CHECK(error_of([] { GroupNorm({}); }) == "GroupNorm: channels must be at least 1; got 0");
  CHECK(error_of([] { GroupNorm({.groups = 3, .channels = 4}); }) ==
        "GroupNorm: 3 groups do not divide 4 channels");
}

TEST_CASE("training moves the running statistics, also under NoGrad, and EvalMode does not") {
  BatchNorm1d layer({.channels = 2});
  const Tensor x = random_tensor({8, 2}, 1, 1, 2);
  const auto moved_by = [&](FunctionRef<void()> work) {
    const Tensor mean = layer.running_mean.clone(), var = layer.running_var.clone();
    work();
    return std::pair(!same_bits(mean, layer.running_mean), !same_bits(var, layer.running_var));
  };
  CHECK(moved_by([&] { layer(x); }) == std::pair(true, true));
  CHECK(moved_by([&] {
          const NoGrad no_grad;
          layer(x);
        }) == std::pair(true, true));
  CHECK(moved_by([&] {
          const EvalMode eval_mode(layer);
          layer(x);
        }) == std::pair(false, false));
}

TEST_CASE(
    "batch normalisation refuses one value a channel in training, and takes it in evaluation") {
  BatchNorm1d features({.channels = 3});
  CHECK(contains(error_of([&] {
                   features(Tensor::zeros({1, 3}));
                 }),
                 "at least two values a channel"));
  features.eval();
  CHECK(features(Tensor::zeros({1, 3})).shape() == Shape{1, 3});
  BatchNorm2d images({.channels = 3});
  CHECK(images(Tensor::zeros({1, 3, 2, 2})).shape() == Shape{1, 3, 2, 2});
  CHECK(error_of([&] {
          images(Tensor::zeros({4, 3}));
        }) == "BatchNorm2d: the input must be (N, C, H, W); got (4, 3)");
  CHECK(contains(error_of([&] { features(Tensor::zeros({4, 3, 2, 2})); }), "must be (N, C); got"));
  CHECK(contains(error_of([] { BatchNorm2d({}); }), "channels must be at least 1; got 0"));
  CHECK(contains(error_of([] { LayerNorm({}); }), "features must be at least 1; got 0"));
}

TEST_CASE("buffers are named like parameters, and are none") {
  Rng rng(1);
  Sequential net(Linear({.in = 4, .out = 3}, rng), BatchNorm1d({.channels = 3}),
                 Sequential(ReLU(), BatchNorm1d({.channels = 3})));
  CHECK(names(net.named_parameters()) == std::vector<std::string>{"0.weight", "0.bias", "1.weight",
                                                                  "1.bias", "2.1.weight",
                                                                  "2.1.bias"});
  CHECK(names(net.named_buffers()) == std::vector<std::string>{"1.running_mean", "1.running_var",
                                                               "2.1.running_mean",
                                                               "2.1.running_var"});
  CHECK(net.parameter_count() == 15 + 6 + 6);
  net(random_tensor({5, 4}, 1));
  // The same memory as the layer's own: writing into a buffer is loading it.
  for (NamedTensor& buffer : net.named_buffers()) buffer.tensor.data()[0] = 7;
  for (const NamedTensor& buffer : net.named_buffers()) CHECK(buffer.tensor.data()[0] == 7);
}

TEST_CASE("pooling layers compute and describe themselves") {
  const Tensor x = random_tensor({2, 3, 8, 8}, 1);
  MaxPool2d max({.kernel = 3, .stride = 2, .padding = 1});
  CHECK(same_bits(max(x), max_pool2d(x, {.kernel = 3, .stride = 2, .padding = 1})));
  CHECK(max.describe() == "MaxPool2d(3, stride 2, padding 1)");
  CHECK(MaxPool2d({.kernel = 2}).describe() == "MaxPool2d(2)");
  CHECK(MaxPool2d({.kernel = 2}).options().stride == 2);
  CHECK(MaxPool2d({.kernel = {2, 3}}).describe() == "MaxPool2d(2×3)");
  auto avg = AvgPool2d({.kernel = 2});
  CHECK(same_bits(avg(x), avg_pool2d(x, {.kernel = 2})));
  CHECK(avg.describe() == "AvgPool2d(2)");
  CHECK(same_bits(GlobalAvgPool2d()(x), global_avg_pool2d(x)));
  CHECK(error_of([] { MaxPool2d({}); }) == "MaxPool2d: the kernel must be at least 1; got 0");
  CHECK(
      contains(error_of([] { AvgPool2d({.kernel = 2, .padding = 2}); }), "AvgPool2d: the padding"));
}

TEST_CASE("a residual adds what its module computes, and asks for equal shapes") {
  Rng rng(1);
  Residual layer(Sequential(Linear({.in = 3, .out = 3}, rng), ReLU()));
  const Tensor x = random_tensor({4, 3}, 1);
  const Tensor w = layer.parameters()[0], b = layer.parameters()[1];
  CHECK(same_bits(layer(x), x + relu(linear(x, w, b))));
  CHECK(names(layer.named_parameters()) ==
        std::vector<std::string>{"inner.0.weight", "inner.0.bias"});
  layer.eval();
  for (Module* part : layer.modules()) CHECK_FALSE(part->is_training());
  Residual narrowing(Linear({.in = 3, .out = 2}, rng));
  CHECK(error_of([&] { narrowing(x); }) ==
        "Residual: Linear(3, 2) gives (4, 2) for (4, 3), and the sum needs equal shapes");
}

TEST_CASE("Dropout2d drops whole channels of single images, and rests in evaluation") {
  Rng rng(5);
  Dropout2d layer({.p = 0.25}, rng);
  const Tensor x = Tensor::full({100, 40, 3, 3}, 1);
  const Tensor y = layer(x);
  Index dropped = 0;
  for (Index plane = 0; plane < 4000; ++plane) {
    const real first = y.data()[plane * 9];
    for (Index i = 0; i < 9; ++i) REQUIRE(y.data()[plane * 9 + i] == first);
    if (first == 0) {
      ++dropped;
    } else {
      REQUIRE(static_cast<double>(first) == doctest::Approx(1 / 0.75));
    }
  }
  // 4,000 draws: a standard deviation is 27.4.
  CHECK(std::abs(static_cast<double>(dropped) - 1000) < 5 * 27.4);
  layer.eval();
  CHECK(same_bits(layer(x), x));
  CHECK(layer.describe() == "Dropout2d(0.25)");
  CHECK(error_of([&] { Dropout2d({.p = 1}, rng); }) ==
        "Dropout2d: the probability p must be in [0, 1); got 1");
  CHECK(error_of([&] {
          dropout2d(Tensor::zeros({4, 3}), 0.5, rng);
        }) == "dropout2d: images must be (N, C, H, W); got shape (4, 3)");
}

TEST_CASE("the summary has a row for each layer around convolution") {
  Rng rng(1);
  Sequential net(BatchNorm2d({.channels = 3}), MaxPool2d({.kernel = 2}), AvgPool2d({.kernel = 2}),
                 Dropout2d({}, rng), GlobalAvgPool2d(), Residual(LayerNorm({.features = 3})));
  const std::string table = summary(net, {3, 8, 8});
  for (const char* row : {"BatchNorm2d(3)        (3, 8, 8)           6 ",
                          "MaxPool2d(2)          (3, 4, 4)           0 ",
                          "AvgPool2d(2)          (3, 2, 2)           0 ",
                          "Dropout2d(0.5)        (3, 2, 2)           0 ",
                          "GlobalAvgPool2d             (3)           0 ",
                          "LayerNorm(3)                (3)           6 "}) {
    CAPTURE(row);
    CAPTURE(table);
    CHECK(contains(table, row));
  }
}

#ifdef LIMBECK_REAL_DOUBLE
TEST_CASE("gradient of dropout2d is its mask") {
  CHECK(gradient_error(
            [](const std::vector<Tensor>& x) {
              Rng rng(7);  // the same mask in every call
              return dropout2d(x[0], 0.4, rng);
            },
            {random_tensor({2, 3, 2, 2}, 8)}) < 1e-6);
}
#endif
