// Gradients against finite differences, in the double build: a line an op. (Those of pooling and of
// normalisation stand in their own tests.)
#ifdef LIMBECK_REAL_DOUBLE
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

constexpr double tolerance = 1e-6;

using Inputs = std::vector<Tensor>;

// Elements at least 0.1 from 0, where relu has its kink.
Tensor off_zero(const Shape& shape, std::uint64_t seed) {
  Tensor x = random_tensor(shape, seed);
  for (real& v : x.values()) v += v > 0 ? 0.1 : -0.1;
  return x;
}

}  // namespace

TEST_CASE("the checker finds a wrong gradient, also one of wrong sign only") {
  const auto scaled_identity = [](real factor) {
    return [factor](const Inputs& in) {
      return record("fake", in[0].clone(), {in[0]},
                    [factor](const Tensor& dy) -> Gradients { return {dy * factor}; });
    };
  };
  CHECK(gradient_error(scaled_identity(1), {random_tensor({2, 3}, 1)}) < tolerance);
  CHECK(gradient_error(scaled_identity(1.0001), {random_tensor({2, 3}, 1)}) > tolerance);
  CHECK(gradient_error(scaled_identity(-1), {random_tensor({2, 3}, 1)}) > 1);
}

TEST_CASE("gradients of arithmetic, for every kind of broadcasting") {
  const std::vector<std::pair<Shape, Shape>> shapes = {
      {{3, 4}, {3, 4}}, {{3, 4}, {4}},    {{4}, {3, 4}},       {{3, 4}, {1, 4}},
      {{3, 4}, {3, 1}}, {{3, 1}, {1, 4}}, {{3, 4}, {}},        {{}, {3, 4}},
      {{3, 4}, {1}},    {{2, 3, 4}, {4}}, {{2, 3, 4}, {3, 1}}, {{2, 1, 4}, {3, 1}}};
  for (const auto& pair : shapes) {
    CAPTURE(pair.first.str());
    CAPTURE(pair.second.str());
    const Inputs in = {random_tensor(pair.first, 1), random_tensor(pair.second, 2, 0.5, 2)};
    CHECK(gradient_error([](const Inputs& x) { return x[0] + x[1]; }, in) < tolerance);
    CHECK(gradient_error([](const Inputs& x) { return x[0] - x[1]; }, in) < tolerance);
    CHECK(gradient_error([](const Inputs& x) { return x[0] * x[1]; }, in) < tolerance);
    CHECK(gradient_error([](const Inputs& x) { return x[0] / x[1]; }, in) < tolerance);
    CHECK(gradient_error([](const Inputs& x) { return maximum(x[0], x[1]); }, in) < tolerance);
    CHECK(gradient_error([](const Inputs& x) { return minimum(x[0], x[1]); }, in) < tolerance);
  }
  const Inputs in = {random_tensor({3, 4}, 3, 0.5, 2)};
  CHECK(gradient_error([](const Inputs& x) { return -x[0]; }, in) < tolerance);
  CHECK(gradient_error([](const Inputs& x) { return 2 - x[0] * 3 + 1 / x[0]; }, in) < tolerance);
  CHECK(gradient_error([](const Inputs& x) { return x[0] * x[0]; }, in) < tolerance);
}

TEST_CASE("gradients of the activations") {
  const Inputs in = {off_zero({3, 5}, 4)};
  const Inputs positive = {random_tensor({3, 5}, 5, 0.5, 2)};
  CHECK(gradient_error([](const Inputs& x) { return relu(x[0]); }, in) < tolerance);
  CHECK(gradient_error([](const Inputs& x) { return sigmoid(x[0]); }, in) < tolerance);
  CHECK(gradient_error([](const Inputs& x) { return tanh(x[0]); }, in) < tolerance);
  CHECK(gradient_error([](const Inputs& x) { return exp(x[0]); }, in) < tolerance);
  CHECK(gradient_error([](const Inputs& x) { return gelu(x[0]); }, in) < tolerance);
  CHECK(gradient_error([](const Inputs& x) { return square(x[0]); }, in) < tolerance);
  CHECK(gradient_error([](const Inputs& x) { return abs(x[0]); }, in) < tolerance);
  CHECK(gradient_error([](const Inputs& x) { return leaky_relu(x[0], 0.2); }, in) < tolerance);
  CHECK(gradient_error([](const Inputs& x) { return clamp(x[0], -0.05, 0.05); }, in) < tolerance);
  CHECK(gradient_error([](const Inputs& x) { return pow(x[0], 3); }, in) < tolerance);
  CHECK(gradient_error([](const Inputs& x) { return pow(x[0], -0.5); }, positive) < tolerance);
  CHECK(gradient_error([](const Inputs& x) { return sqrt(x[0]); }, positive) < tolerance);
  CHECK(gradient_error([](const Inputs& x) { return log(x[0]); }, positive) < tolerance);
}

TEST_CASE("gradients of matrix products, with every transposition") {
  for (const bool ta : {false, true}) {
    for (const bool tb : {false, true}) {
      CAPTURE(ta);
      CAPTURE(tb);
      const Inputs in = {random_tensor(ta ? Shape{4, 3} : Shape{3, 4}, 6),
                         random_tensor(tb ? Shape{5, 4} : Shape{4, 5}, 7)};
      CHECK(gradient_error([=](const Inputs& x) { return matmul(x[0], x[1], {.a = ta, .b = tb}); },
                           in) < tolerance);
    }
  }
}

TEST_CASE("gradients of batched products, with every transposition") {
  for (const bool ta : {false, true}) {
    for (const bool tb : {false, true}) {
      CAPTURE(ta);
      CAPTURE(tb);
      const Inputs in = {random_tensor(ta ? Shape{2, 3, 4, 3} : Shape{2, 3, 3, 4}, 6),
                         random_tensor(tb ? Shape{2, 3, 5, 4} : Shape{2, 3, 4, 5}, 7)};
      const auto f = [=](const Inputs& x) {
        return batched_matmul(x[0], x[1], {.a = ta, .b = tb});
      };
      CHECK(gradient_error(f, in) < tolerance);
    }
  }
}

TEST_CASE("gradients of permutations") {
  const Inputs in = {random_tensor({2, 3, 4, 5}, 8)};
  CHECK(gradient_error(
            [](const Inputs& x) {
              return permute(x[0], {0, 2, 1, 3});
            },
            in) < tolerance);
  CHECK(gradient_error(
            [](const Inputs& x) {
              return permute(x[0], {3, 0, 2, 1});
            },
            in) < tolerance);
}

// Vaswani et al., "Attention Is All You Need", 2017, equation 1: softmax(Q Kᵀ / √D) V.
TEST_CASE("gradients of attention, composed of ops") {
  const Inputs in = {random_tensor({2, 3, 4}, 9), random_tensor({2, 5, 4}, 10),
                     random_tensor({2, 5, 4}, 11)};
  const auto attention = [](const Inputs& x) {
    return batched_matmul(softmax(batched_matmul(x[0], x[1], {.b = true}), 2), x[2]);
  };
  CHECK(gradient_error(attention, in) < tolerance);
}

TEST_CASE("gradients of linear: matrices, one row, more dimensions, no bias") {
  const auto f = [](const Inputs& x) { return linear(x[0], x[1], x.size() > 2 ? x[2] : Tensor()); };
  const Tensor w = random_tensor({5, 4}, 8);
  const Tensor b = random_tensor({5}, 9);
  CHECK(gradient_error(f, {random_tensor({3, 4}, 1), w, b}) < tolerance);
  CHECK(gradient_error(f, {random_tensor({1, 4}, 2), w, b}) < tolerance);
  CHECK(gradient_error(f, {random_tensor({4}, 3), w, b}) < tolerance);
  CHECK(gradient_error(f, {random_tensor({2, 3, 4}, 4), w, b}) < tolerance);
  CHECK(gradient_error(f, {random_tensor({3, 4}, 5), w}) < tolerance);
}

TEST_CASE("gradients of linear with relu in the same pass") {
  const auto f = [](const Inputs& x) { return linear(x[0], x[1], x[2], {.relu = true}); };
  CHECK(gradient_error(f, {random_tensor({3, 4}, 1), random_tensor({5, 4}, 8),
                           random_tensor({5}, 9)}) < tolerance);
}

TEST_CASE("gradients of convolution: im2col, transformed, in groups, and what follows") {
  const auto f = [](const ConvOptions& options) {
    return [options](const Inputs& x) { return conv2d(x[0], x[1], x[2], options); };
  };
  const Tensor b = random_tensor({4}, 3);
  const Inputs general = {random_tensor({2, 2, 6, 5}, 1), random_tensor({4, 2, 3, 2}, 2), b};
  const Inputs grouped = {random_tensor({2, 4, 6, 5}, 1), random_tensor({4, 1, 3, 3}, 2), b};
  const Inputs three = {random_tensor({2, 4, 6, 5}, 1), random_tensor({4, 4, 3, 3}, 2), b};
  const Inputs five = {random_tensor({1, 4, 6, 6}, 1), random_tensor({4, 4, 5, 5}, 2), b};
  CHECK(gradient_error(f({.stride = {2, 1}, .padding = {1, 0}}), general) < tolerance);
  CHECK(gradient_error(f({.padding = 1, .groups = 4}), grouped) < tolerance);
  CHECK(gradient_error(f({.padding = 1, .dilation = {2, 3}}), general) < tolerance);
  CHECK(gradient_error(f({.padding = 2, .dilation = 2, .groups = 4}), grouped) < tolerance);
  for (const After after : {After::nothing, After::relu, After::relu_max_pool}) {
    CAPTURE(static_cast<int>(after));
    CHECK(gradient_error(f({.padding = 1, .after = after}), three) < tolerance);
    // (The transform of five taps rounds by some 1e-12, and differences multiply that by 1e5.)
    CHECK(gradient_error(f({.padding = 2, .after = after}), five) < 10 * tolerance);
    CHECK(gradient_error(f({.after = after}), general) < tolerance);
  }
}

TEST_CASE("gradients of reductions") {
  const Inputs in = {random_tensor({2, 3, 4}, 10)};
  CHECK(gradient_error([](const Inputs& x) { return sum(x[0]); }, in) < tolerance);
  CHECK(gradient_error([](const Inputs& x) { return mean(x[0]); }, in) < tolerance);
  CHECK(gradient_error([](const Inputs& x) { return sum_last(x[0]); }, in) < tolerance);
  CHECK(gradient_error([](const Inputs& x) { return mean_last(x[0]); }, in) < tolerance);
  CHECK(gradient_error([](const Inputs& x) { return max_last(x[0]); }, in) < tolerance);
}

TEST_CASE("gradients of reductions and softmax along each dimension, kept or not") {
  const Inputs in = {random_tensor({2, 3, 4}, 10)};
  for (const int dim : {0, 1, 2, -1, -2, -3}) {
    CAPTURE(dim);
    for (const bool keep : {false, true}) {
      const ReduceOptions o{.keep = keep};
      CHECK(gradient_error([=](const Inputs& x) { return sum(x[0], dim, o); }, in) < tolerance);
      CHECK(gradient_error([=](const Inputs& x) { return mean(x[0], dim, o); }, in) < tolerance);
      CHECK(gradient_error([=](const Inputs& x) { return max(x[0], dim, o); }, in) < tolerance);
      CHECK(gradient_error([=](const Inputs& x) { return log_sum_exp(x[0], dim, o); }, in) <
            tolerance);
    }
    const SoftmaxOptions o{.temperature = 2, .dim = dim};
    CHECK(gradient_error([=](const Inputs& x) { return softmax(x[0], o); }, in) < tolerance);
    CHECK(gradient_error([=](const Inputs& x) { return log_softmax(x[0], o); }, in) < tolerance);
  }
}

TEST_CASE("gradients of where, for every kind of broadcasting") {
  const std::vector<std::vector<Shape>> shapes = {
      {{3, 4}, {3, 4}, {3, 4}}, {{4}, {3, 4}, {}},     {{3, 1}, {1, 4}, {3, 4}}, {{}, {3, 1}, {4}},
      {{3, 4}, {}, {}},         {{3, 4}, {1}, {3, 1}}, {{2, 1, 4}, {3, 1}, {}}};
  for (const std::vector<Shape>& three : shapes) {
    CAPTURE(three[0].str());
    CAPTURE(three[1].str());
    CAPTURE(three[2].str());
    const Tensor mask = random_tensor(three[0], 3) > 0;
    CHECK(gradient_error([&](const Inputs& x) { return where(mask, x[0], x[1]); },
                         {random_tensor(three[1], 1), random_tensor(three[2], 2)}) < tolerance);
  }
}

TEST_CASE("gradients of slices, padding, and what is put together, along each dimension") {
  const Inputs in = {random_tensor({3, 3, 4}, 12), random_tensor({3, 3, 4}, 13)};
  const Inputs one = {in[0]};
  for (const int dim : {0, 1, 2, -1, -2, -3}) {
    CAPTURE(dim);
    CHECK(gradient_error([=](const Inputs& x) { return slice(x[0], dim, 1, 3); }, one) < tolerance);
    const auto overlapping = [=](const Inputs& x) {
      return slice(x[0], dim, 0, 2) * slice(x[0], dim, 1, 3) + slice(x[0] * x[1], dim, 0, 2);
    };
    CHECK(gradient_error(overlapping, in) < tolerance);
    const auto rejoined = [=](const Inputs& x) {
      std::vector<Tensor> parts = split(x[0], dim, 2);
      parts.push_back(x[1]);
      parts.push_back(parts.front());
      return concat(parts, dim);
    };
    CHECK(gradient_error(rejoined, in) < tolerance);
    CHECK(gradient_error(
              [=](const Inputs& x) {
                return stack({x[0], x[1], x[0]}, dim);
              },
              in) < tolerance);
    const auto padded = [=](const Inputs& x) {
      return pad(x[0], dim, {.before = 1, .after = 2, .value = 3});
    };
    CHECK(gradient_error(padded, one) < tolerance);
  }
}

TEST_CASE("gradients of rows that are gathered, some of them more than once") {
  const std::vector<Index> rows = {2, 0, 2, 2, 4};
  const auto f = [&](const Inputs& x) {
    return gather_rows(x[0], rows) * gather_rows(x[0] * x[0], rows);
  };
  CHECK(gradient_error(f, {random_tensor({5, 3}, 14)}) < tolerance);
  CHECK(gradient_error(f, {random_tensor({5}, 15)}) < tolerance);
  CHECK(gradient_error(f, {random_tensor({5, 2, 3}, 16)}) < tolerance);
}

TEST_CASE("gradients of softmax and log_softmax at several temperatures") {
  const Inputs in = {random_tensor({3, 5}, 11, -3, 3)};
  for (const double t : {0.5, 1.0, 4.0, 20.0}) {
    CAPTURE(t);
    CHECK(gradient_error([=](const Inputs& x) { return softmax(x[0], t); }, in) < tolerance);
    CHECK(gradient_error([=](const Inputs& x) { return log_softmax(x[0], t); }, in) < tolerance);
  }
}

TEST_CASE("gradients of reshape, ranges of rows and concatenation") {
  const Inputs in = {random_tensor({4, 3, 2}, 12), random_tensor({2, 3, 2}, 13)};
  const Inputs one = {in[0]};
  CHECK(gradient_error([](const Inputs& x) { return reshape(x[0], {6, -1}); }, one) < tolerance);
  CHECK(gradient_error([](const Inputs& x) { return flatten(x[0]); }, one) < tolerance);
  CHECK(gradient_error([](const Inputs& x) { return slice_rows(x[0], 1, 3); }, one) < tolerance);
  CHECK(gradient_error(
            [](const Inputs& x) {
              return concat_rows({x[0], x[1], x[0]});
            },
            in) < tolerance);
}

TEST_CASE("a graph in which values are used several times") {
  const Inputs in = {random_tensor({3, 3}, 14), random_tensor({3, 3}, 15)};
  const auto f = [](const Inputs& x) {
    const Tensor sum_xy = x[0] + x[1];  // hands one gradient to both its inputs
    const Tensor shared = tanh(matmul(sum_xy, x[0]));
    return shared * sum_xy + reshape(reshape(shared, {9}), {3, 3}) + x[1];
  };
  CHECK(gradient_error(f, in) < tolerance);
}
#endif
