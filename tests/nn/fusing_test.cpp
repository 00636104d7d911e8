// Layers that are computed in one pass with what follows them: the same as one after the other, on
// every value, and only where they are the library's own.
#include <algorithm>
#include <limits>

#include "core/ops/pool.h"
#include "nn/conv2d.h"
#include "nn/linear.h"
#include "nn/pooling.h"
#include "nn/sequential.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

constexpr real infinity = std::numeric_limits<real>::infinity();
constexpr real not_a_number = std::numeric_limits<real>::quiet_NaN();

// Equal, with NaN equal to NaN and −0 to 0.
bool same(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape()) return false;
  return std::ranges::equal(a.values(), b.values(), [](real p, real q) {
    return p == q || (std::isnan(p) && std::isnan(q));
  });
}

// Numbers, some of them special, most of them not.
Tensor special(const Shape& shape, std::uint64_t seed) {
  constexpr real values[] = {not_a_number, infinity, -infinity, real{0}, -real{0}, 1, -1};
  Tensor x = random_tensor(shape, seed);
  Rng rng(seed);
  for (real& v : x.values()) {
    const Index which = rng.below(60);
    if (which < 7) v = values[which];
  }
  return x;
}

struct ReLU6 : ReLU {
 protected:
  Tensor forward(const Tensor& x) override { return relu(x) * real{0.0625}; }
};
struct Doubled : Linear {
  using Linear::Linear;

 protected:
  Tensor forward(const Tensor& x) override { return Linear::forward(x) * 2; }
};
struct DoubledConv : Conv2d {
  using Conv2d::Conv2d;

 protected:
  Tensor forward(const Tensor& x) override { return Conv2d::forward(x) * 2; }
};
struct HalvedPool : MaxPool2d {
  using MaxPool2d::MaxPool2d;

 protected:
  Tensor forward(const Tensor& x) override { return MaxPool2d::forward(x) * real{0.5}; }
};

}  // namespace

TEST_CASE("linear with relu is linear, then relu, on NaN, infinities and both zeros") {
  const Tensor weight = random_tensor({9, 12}, 1), bias = special({9}, 2);
  for (const Index n : {Index{1}, Index{5}, Index{20}, Index{300}}) {
    CAPTURE(n);
    Tensor x = random_tensor({n, 12}, 3);
    x.values()[3] = not_a_number;
    if (n > 2) x.values()[13] = infinity, x.values()[25] = -infinity;
    const Tensor dy = random_tensor({n, 9}, 4);
    const auto run = [&](bool fused) {
      Tensor input = x.clone().requires_grad();
      const Tensor y =
          fused ? linear(input, weight, bias, {.relu = true}) : relu(linear(input, weight, bias));
      sum(y * dy).backward();
      return std::pair(y, input.grad());
    };
    const auto [y, dx] = run(true);
    const auto [y_separate, dx_separate] = run(false);
    CHECK(same(y, y_separate));
    CHECK(same(dx, dx_separate));
    CHECK(std::ranges::any_of(y.values(), [](real v) { return std::isnan(v); }));
  }
}

TEST_CASE("a convolution with relu and pooling is these one after the other, on every value") {
  struct Case {
    Index in, out, kernel, stride, groups;
  };
  // Winograd's two transforms, im2col, one channel alone each.
  for (const Case& c : {Case{8, 8, 3, 1, 1}, Case{4, 6, 5, 1, 1}, Case{3, 5, 3, 1, 1},
                        Case{4, 4, 3, 2, 1}, Case{6, 6, 3, 1, 6}}) {
    CAPTURE(c.in);
    CAPTURE(c.kernel);
    CAPTURE(c.stride);
    const Tensor weight = random_tensor({c.out, c.in / c.groups, c.kernel, c.kernel}, 1);
    Tensor bias = random_tensor({c.out}, 2);
    for (const bool special_bias : {false, true}) {
      if (special_bias) bias.values()[0] = not_a_number, bias.values()[1] = infinity;
      if (special_bias) bias.values()[2] = -infinity;
      Tensor x = random_tensor({3, c.in, 11, 13}, 3);
      if (!special_bias) x.values()[40] = not_a_number;
      for (const After after : {After::relu, After::relu_max_pool}) {
        const auto convolve = [&](const Tensor& input, const Tensor& w, After what) {
          return conv2d(input, w, bias,
                        {.stride = c.stride, .padding = 1, .groups = c.groups, .after = what});
        };
        const auto run = [&](bool fused) {
          Tensor input = x.clone().requires_grad(), w = weight.clone().requires_grad();
          Tensor y = convolve(input, w, fused ? after : After::nothing);
          if (!fused) y = relu(y);
          if (!fused && after == After::relu_max_pool) y = max_pool2d(y, {.kernel = 2});
          sum(y * wave(y.shape(), 1, 0.3)).backward();
          return std::array{y, input.grad(), w.grad()};
        };
        const auto fused = run(true), separate = run(false);
        for (std::size_t i = 0; i < 3; ++i) {
          CAPTURE(i);
          CHECK(same(fused[i], separate[i]));
        }
        CHECK(std::ranges::any_of(fused[0].values(), [](real v) { return std::isnan(v); }));
      }
    }
  }
}

TEST_CASE("a layer derived from one of the library's computes what it says, alone and in a row") {
  Rng rng(1);
  const Tensor x = random_tensor({4, 6}, 2);
  Linear plain({.in = 6, .out = 5}, rng);
  const Tensor weight = plain.weight.clone(), bias = plain.bias.clone();
  const Tensor z = linear(x, weight, bias);
  const auto with_same = [&](auto layer) {
    layer.weight = weight.clone().requires_grad();
    layer.bias = bias.clone().requires_grad();
    return layer;
  };
  Sequential six(with_same(Linear({.in = 6, .out = 5}, rng)), ReLU6());
  CHECK(difference(six(x), relu(z) * real{0.0625}) < 1e-6);
  Sequential doubled(with_same(Doubled({.in = 6, .out = 5}, rng)), ReLU());
  CHECK(difference(doubled(x), relu(z * 2)) < 1e-6);

  const Tensor images = random_tensor({2, 4, 6, 6}, 3);
  const auto convolved = [&](Conv2d& layer) {
    return conv2d(images, layer.weight, layer.bias, {.padding = 1});
  };
  const Conv2d::Options options{.in = 4, .out = 4, .kernel = 3, .padding = 1};
  Sequential conv(DoubledConv(options, rng), ReLU());
  const Tensor z_conv = convolved(static_cast<Conv2d&>(conv[0]));
  CHECK(difference(conv(images), relu(z_conv * 2)) < 1e-6);
  Sequential pooled(Conv2d(options, rng), ReLU(), HalvedPool({.kernel = 2}));
  const Tensor z_pool = convolved(static_cast<Conv2d&>(pooled[0]));
  CHECK(difference(pooled(images), max_pool2d(relu(z_pool), {.kernel = 2}) * real{0.5}) < 1e-6);
}

TEST_CASE("pooling refuses an image that is too small, fused or not") {
  Rng rng(1);
  const auto error_with = [&](Index side) {
    Sequential net(Conv2d({.in = 1, .out = 1, .kernel = 1}, rng), ReLU(), MaxPool2d({.kernel = 2}));
    return error_of([&] { net(Tensor::zeros({1, 1, side, side})); });
  };
  CHECK(contains(error_with(1), "max_pool2d: "));
  CHECK(error_with(2) == "(no error)");
  Sequential net;
  net.add(ReLU()).add(ReLU());
  CHECK(error_of([&] { net[2]; }) == "Sequential: layer 2 asked of 2");
}
