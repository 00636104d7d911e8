// Batch and layer normalisation as ops: definitions, plain loops beside the fast ones, gradients.
#include "core/ops/normalize.h"

#include "core/batch_share.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

struct Statistics {
  Tensor mean;
  Tensor var;
};

Statistics fresh(Index channels) {
  return {Tensor::zeros({channels}), Tensor::full({channels}, 1)};
}

struct Normalised {
  Tensor y, dx, dgamma, dbeta;
};

// Values of x that share a mean and a variance, by their positions, and their γ and β.
struct Group {
  std::vector<Index> at;
};

// Straight from the definitions, in double: group k's values, with parameter of[i] for position i.
Normalised plain_normalise(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                           const Tensor& dy, const std::vector<Group>& groups,
                           const std::vector<Index>& of, double eps) {
  Normalised r = {Tensor::empty(x.shape()), Tensor::empty(x.shape()), Tensor::zeros(gamma.shape()),
                  Tensor::zeros(gamma.shape())};
  std::vector<double> dgamma(static_cast<std::size_t>(gamma.size()), 0), dbeta = dgamma;
  for (const Group& group : groups) {
    const auto n = static_cast<double>(group.at.size());
    double mean = 0, variance = 0;
    for (Index i : group.at) mean += x.data()[i] / n;
    for (Index i : group.at) variance += (x.data()[i] - mean) * (x.data()[i] - mean) / n;
    const double inverse = 1 / std::sqrt(variance + eps);
    double mean_g = 0, mean_g_x = 0;
    for (Index i : group.at) {
      const double normal = (x.data()[i] - mean) * inverse, d = dy.data()[i];
      const Index p = of[static_cast<std::size_t>(i)];
      r.y.data()[i] = static_cast<real>(gamma.data()[p] * normal + beta.data()[p]);
      dgamma[static_cast<std::size_t>(p)] += d * normal;
      dbeta[static_cast<std::size_t>(p)] += d;
      mean_g += gamma.data()[p] * d / n;
      mean_g_x += gamma.data()[p] * d * normal / n;
    }
    for (Index i : group.at) {
      const double normal = (x.data()[i] - mean) * inverse;
      const double g = gamma.data()[of[static_cast<std::size_t>(i)]] * double{dy.data()[i]};
      r.dx.data()[i] = static_cast<real>(inverse * (g - mean_g - normal * mean_g_x));
    }
  }
  std::ranges::transform(dgamma, r.dgamma.data(), [](double v) { return static_cast<real>(v); });
  std::ranges::transform(dbeta, r.dbeta.data(), [](double v) { return static_cast<real>(v); });
  return r;
}

void check_against_plain(const Tensor& y, const Tensor& x, const Tensor& gamma, const Tensor& beta,
                         const Normalised& plain) {
  constexpr double tolerance = 2e-5;
  CHECK(difference(y, plain.y) < tolerance);
  CHECK(difference(x.grad(), plain.dx) < tolerance);
  CHECK(difference(gamma.grad(), plain.dgamma) < tolerance);
  CHECK(difference(beta.grad(), plain.dbeta) < tolerance);
}

}  // namespace

TEST_CASE("batch norm agrees with plain loops, forward and backward") {
  for (const Shape& shape : {Shape{6, 5}, Shape{300, 150}, Shape{4, 1}, Shape{4, 3, 5, 7},
                             Shape{16, 12, 28, 28}, Shape{1, 3, 2, 2}, Shape{5, 3, 1, 1}}) {
    CAPTURE(shape.str());
    const Index channels = shape.dim(1);
    Tensor x = random_tensor(shape, 1, -1, 3).requires_grad();
    Tensor gamma = random_tensor({channels}, 2).requires_grad();
    Tensor beta = random_tensor({channels}, 3).requires_grad();
    Statistics running = fresh(channels);
    const Tensor y = batch_norm(x, gamma, beta, running.mean, running.var, {});
    const Tensor dy = random_tensor(shape, 4);
    sum(y * dy).backward();

    std::vector<Group> groups(static_cast<std::size_t>(channels));
    std::vector<Index> of;
    const Index plane = x.size() / (shape.dim(0) * channels);
    for (Index i = 0; i < x.size(); ++i) {
      of.push_back(i / plane % channels);
      groups[static_cast<std::size_t>(of.back())].at.push_back(i);
    }
    check_against_plain(y, x, gamma, beta, plain_normalise(x, gamma, beta, dy, groups, of, 1e-5));
  }
}

TEST_CASE("layer norm agrees with plain loops, forward and backward") {
  for (const Shape& shape : {Shape{7}, Shape{6, 5}, Shape{2, 3, 70}, Shape{300, 200}}) {
    CAPTURE(shape.str());
    Tensor x = random_tensor(shape, 1, -1, 3).requires_grad();
    Tensor gamma = random_tensor({shape.last()}, 2).requires_grad();
    Tensor beta = random_tensor({shape.last()}, 3).requires_grad();
    const Tensor y = layer_norm(x, gamma, beta);
    const Tensor dy = random_tensor(shape, 4);
    sum(y * dy).backward();

    std::vector<Group> groups(static_cast<std::size_t>(shape.rows()));
    std::vector<Index> of;
    for (Index i = 0; i < x.size(); ++i) {
      of.push_back(i % shape.last());
      groups[static_cast<std::size_t>(i / shape.last())].at.push_back(i);
    }
    check_against_plain(y, x, gamma, beta, plain_normalise(x, gamma, beta, dy, groups, of, 1e-5));
  }
}

TEST_CASE("group norm agrees with plain loops, forward and backward, for any number of groups") {
  for (const Shape& shape : {Shape{3, 6}, Shape{2, 6, 5}, Shape{2, 6, 4, 5}}) {
    for (const Index groups : {1, 2, 3, 6}) {
      if (shape.rank() == 2 && groups > 2) continue;  // two values are −1 and 1, whatever they were
      CAPTURE(shape.str());
      CAPTURE(groups);
      Tensor x = random_tensor(shape, 1, -1, 3).requires_grad();
      Tensor gamma = random_tensor({6}, 2).requires_grad();
      Tensor beta = random_tensor({6}, 3).requires_grad();
      const Tensor y = group_norm(x, groups, gamma, beta);
      const Tensor dy = random_tensor(shape, 4);
      sum(y * dy).backward();

      const Index pixels = shape.size() / (shape.dim(0) * 6);
      std::vector<Group> parts(static_cast<std::size_t>(shape.dim(0) * groups));
      std::vector<Index> of;
      for (Index i = 0; i < x.size(); ++i) {
        of.push_back(i / pixels % 6);
        parts[static_cast<std::size_t>(i / (pixels * 6 / groups))].at.push_back(i);
      }
      check_against_plain(y, x, gamma, beta, plain_normalise(x, gamma, beta, dy, parts, of, 1e-5));
      if (groups == 6) CHECK(same_bits(instance_norm(x, gamma, beta), y));
    }
  }
}

TEST_CASE("a norm without a factor and a shift has those of 1 and 0") {
  const Tensor x = random_tensor({2, 4, 3}, 1), one = Tensor::full({3}, 1);
  const Tensor ones = Tensor::full({4}, 1);
  CHECK(same_bits(layer_norm(x, Tensor(), Tensor()), layer_norm(x, one, Tensor::zeros({3}))));
  CHECK(
      same_bits(group_norm(x, 2, Tensor(), Tensor()), group_norm(x, 2, ones, Tensor::zeros({4}))));
}

TEST_CASE("group norm refuses what does not fit") {
  const Tensor x = Tensor::zeros({2, 6, 3}), none;
  CHECK(error_of([&] { group_norm(x, 4, none, none); }) ==
        "group_norm: 4 groups do not divide 6 channels");
  CHECK(error_of([&] { group_norm(x, 0, none, none); }) ==
        "group_norm: 0 groups do not divide 6 channels");
  CHECK(error_of([&] { instance_norm(Tensor::zeros({3}), none, none); }) ==
        "instance_norm: the input must be (N, C, …), with values; got (3)");
  CHECK(error_of([&] {
          group_norm(Tensor::zeros({0, 6}), 2, none, none);
        }) == "group_norm: the input must be (N, C, …), with values; got (0, 6)");
  CHECK(contains(error_of([&] { group_norm(x, 2, Tensor::zeros({3}), none); }), "gamma must have"));
  CHECK(contains(error_of([&] { group_norm(x, 2, none, none, -1); }), "eps must not be negative"));
}

TEST_CASE("the running statistics move by the momentum, with the unbiased variance") {
  // Channel values 0, 2, 4: mean 2, Σ (x − 2)² = 8, over n − 1 it is 4.
  const Tensor x = Tensor::from({3, 1}, {0, 2, 4});
  Statistics running = fresh(1);
  batch_norm(x, Tensor::full({1}, 1), Tensor::zeros({1}), running.mean, running.var,
             {.momentum = 0.25});
  CHECK(difference(running.mean, {0.75 * 0 + 0.25 * 2}) < 1e-6);
  CHECK(difference(running.var, {0.75 * 1 + 0.25 * 4}) < 1e-6);
}

TEST_CASE("in evaluation the running statistics decide, and stay") {
  Statistics running = {Tensor::from({1}, {3}), Tensor::from({1}, {4})};
  const Tensor y =
      batch_norm(Tensor::from({1, 1}, {7}), Tensor::from({1}, {10}), Tensor::from({1}, {1}),
                 running.mean, running.var, {.training = false, .eps = 0});
  CHECK(y.item() == doctest::Approx(10.0 * (7 - 3) / 2 + 1));
  CHECK(running.mean.item() == 3);
  CHECK(running.var.item() == 4);
}

TEST_CASE("a mean that is large against the spread does not swallow the variance") {
  // Sixteenths around 4096: E[x²] − E[x]² in float would be off by more than the variance.
  Tensor x = random_tensor({64, 2, 8, 8}, 6, -16, 16);
  for (real& v : x.values()) v = std::round(v) / 16;
  const Tensor ones = Tensor::full({2}, 1), zeros = Tensor::zeros({2});
  Statistics running = fresh(2);
  const auto normalised = [&](const Tensor& t) {
    return batch_norm(t, ones, zeros, running.mean, running.var, {});
  };
  CHECK(difference(normalised(x + 4096), normalised(x)) < 1e-3);
  const Tensor row = Tensor::full({8}, 1), none = Tensor::zeros({8});
  CHECK(difference(layer_norm(x + 4096, row, none), layer_norm(x, row, none)) < 1e-2);
}

TEST_CASE("values that are all equal give the shift, and a finite gradient") {
  Tensor x = Tensor::full({4, 2, 3, 3}, real{1} / 3).requires_grad();
  Statistics running = fresh(2);
  const Tensor y = batch_norm(x, Tensor::full({2}, 5), Tensor::full({2}, real{0.5}), running.mean,
                              running.var, {});
  CHECK(difference(y, Tensor::full(x.shape(), real{0.5})) < 1e-4);
  sum(y * random_tensor(y.shape(), 1)).backward();
  const Tensor gradient = x.grad();
  for (const real d : gradient.values()) CHECK(std::isfinite(d));
}

TEST_CASE("normalisation gives the same bits each time") {
  const Tensor gamma = random_tensor({32}, 1), beta = random_tensor({32}, 2);
  const auto run = [&] {
    Tensor x = random_tensor({16, 32, 14, 14}, 3).requires_grad();
    Statistics running = fresh(32);
    sum(tanh(batch_norm(x, gamma, beta, running.mean, running.var, {}))).backward();
    return std::pair(x.grad(), running.var);
  };
  const auto [first_grad, first_var] = run();
  const auto [second_grad, second_var] = run();
  CHECK(same_bits(first_grad, second_grad));
  CHECK(same_bits(first_var, second_var));
}

TEST_CASE("normalisation refuses what does not fit, and says what it was given") {
  const auto refusal = [](const Shape& x, const Shape& gamma, const BatchNormOptions& options) {
    Statistics running = fresh(3);
    return error_of([&] {
      batch_norm(Tensor::zeros(x), Tensor::zeros(gamma), Tensor::zeros({3}), running.mean,
                 running.var, options);
    });
  };
  CHECK(refusal({1, 3}, {3}, {}) ==
        "batch_norm: training needs at least two values a channel to have a variance; input (1, "
        "3)");
  {
    const BatchShare share{.first = 2, .rows = 1, .weight = 0.25};
    const BatchShareScope scope(&share);
    CHECK(refusal({1, 3}, {3}, {})
              .ends_with("input (1, 3); this rank has 1 image of the batch: "
                         "synchronised_statistics, drop_last or a "
                         "larger batch"));
  }
  CHECK(refusal({1, 3}, {3}, {.training = false}) == "(no error)");
  CHECK(refusal({1, 3, 1, 2}, {3}, {}) == "(no error)");
  CHECK(refusal({0, 3}, {3}, {.training = false}) == "(no error)");
  CHECK(contains(refusal({3}, {3}, {}), "must be (N, C, …); got (3)"));
  CHECK(contains(refusal({4, 3}, {1, 3}, {}), "gamma must have shape (3)"));
  CHECK(contains(refusal({4, 2}, {2}, {}), "beta must have shape (2)"));
  CHECK(contains(refusal({4, 3}, {3}, {.momentum = 1.5}), "momentum must be in [0, 1]; got 1.5"));
  CHECK(contains(refusal({4, 3}, {3}, {.eps = -1}), "eps must not be negative; got -1"));
  CHECK(contains(error_of([] {
                   layer_norm(Tensor::zeros({2, 4}), Tensor::zeros({2}), Tensor::zeros({4}));
                 }),
                 "gamma must have shape (4) for an input (2, 4); got (2)"));
  CHECK(contains(error_of([] { layer_norm(Tensor::scalar(1), Tensor(), Tensor()); }),
                 "got shape ()"));
}

#ifdef LIMBECK_REAL_DOUBLE
TEST_CASE("gradients of normalisation") {
  using Inputs = std::vector<Tensor>;
  constexpr double tolerance = 1e-6;
  for (const Shape& shape : {Shape{5, 3}, Shape{3, 3, 2, 4}}) {
    CAPTURE(shape.str());
    const Inputs in = {random_tensor(shape, 1, -1, 2), random_tensor({3}, 2, 0.5, 2),
                       random_tensor({3}, 3)};
    for (const bool training : {true, false}) {
      CAPTURE(training);
      const auto f = [=](const Inputs& v) {
        Statistics running = {Tensor::full({3}, 0.3), Tensor::full({3}, 2)};
        return batch_norm(v[0], v[1], v[2], running.mean, running.var, {.training = training});
      };
      CHECK(gradient_error(f, in) < tolerance);
    }
  }
  CHECK(gradient_error([](const Inputs& v) { return layer_norm(v[0], Tensor(), Tensor()); },
                       {random_tensor({3, 5}, 1)}) < tolerance);
  CHECK(gradient_error([](const Inputs& v) { return group_norm(v[0], 2, v[1], v[2]); },
                       {random_tensor({2, 4, 3}, 1), random_tensor({4}, 2),
                        random_tensor({4}, 3)}) < tolerance);
  CHECK(gradient_error([](const Inputs& v) { return layer_norm(v[0], v[1], v[2]); },
                       {random_tensor({2, 3, 5}, 4, -1, 2), random_tensor({5}, 5, 0.5, 2),
                        random_tensor({5}, 6)}) < tolerance);
}
#endif
