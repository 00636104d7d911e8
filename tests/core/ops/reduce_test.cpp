// Reductions and softmax along any dimension, beside plain loops.
#include "core/ops/along.h"

#include <functional>
#include <numeric>

#include "tests/core/twins.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// What f makes of each line of x along the dimension, as x has it where `places` is D, or reduced.
using OfLine = std::function<std::vector<double>(const std::vector<double>& line)>;

Tensor by_lines(const Tensor& x, int dim, const Shape& result, const OfLine& f) {
  const detail::Along a = detail::along("test", x.shape(), dim);
  Tensor y = Tensor::empty(result);
  for (Index o = 0; o < a.outer; ++o) {
    for (Index i = 0; i < a.inner; ++i) {
      std::vector<double> line;
      for (Index d = 0; d < a.size; ++d) {
        line.push_back(static_cast<double>(x.data()[(o * a.size + d) * a.inner + i]));
      }
      const std::vector<double> values = f(line);
      const auto count = static_cast<Index>(values.size());
      for (Index d = 0; d < count; ++d) {
        y.data()[(o * count + d) * a.inner + i] =
            static_cast<real>(values[static_cast<std::size_t>(d)]);
      }
    }
  }
  return y;
}

double exponentials(const std::vector<double>& line, double t) {
  double s = 0;
  for (const double v : line) s += std::exp(v / t);
  return s;
}

}  // namespace

TEST_CASE("twins by chance: sums, means, maxima, log_sum_exp and softmax along a dimension") {
  for_draws(60, [](Rng& rng) {
    const bool large = rng.below(6) == 0;
    Shape shape;
    for (Index rank = between(1, 4, rng); rank > 0; --rank) {
      shape = shape.with_front(large && rank == 1 ? between(60, 200, rng) : between(1, 9, rng));
    }
    const int rank = shape.rank(), dim = static_cast<int>(between(-rank, rank - 1, rng));
    CAPTURE(shape.str());
    CAPTURE(dim);
    const Tensor x = uniform(shape, -2, 2, rng);
    const auto n = static_cast<double>(shape.dim(dim));
    const auto one = [](auto f) {
      return [f](const std::vector<double>& line) { return std::vector<double>{f(line)}; };
    };
    const auto total = [](const std::vector<double>& v) {
      return std::accumulate(v.begin(), v.end(), 0.0);
    };
    const auto largest = [](const std::vector<double>& v) { return *std::ranges::max_element(v); };
    for (const bool keep : {false, true}) {
      const ReduceOptions o{.keep = keep};
      const Shape to = keep ? shape.with_dim(dim, 1) : shape.without_dim(dim);
      const auto same = [&](const Tensor& y, auto f) {
        return difference(y, by_lines(x, dim, to, one(f))) < twin_tolerance();
      };
      CHECK(same(sum(x, dim, o), total));
      CHECK(same(mean(x, dim, o), [&](const std::vector<double>& v) { return total(v) / n; }));
      CHECK(same(max(x, dim, o), largest));
      CHECK(same(log_sum_exp(x, dim, o),
                 [](const std::vector<double>& v) { return std::log(exponentials(v, 1)); }));
    }
    const double t = 1.5;
    const OfLine shares = [&](std::vector<double> v) {
      const double s = exponentials(v, t);
      for (double& e : v) e = std::exp(e / t) / s;
      return v;
    };
    const OfLine logs = [&](std::vector<double> v) {
      const double s = std::log(exponentials(v, t));
      for (double& e : v) e = e / t - s;
      return v;
    };
    CHECK(difference(softmax(x, {.temperature = t, .dim = dim}), by_lines(x, dim, shape, shares)) <
          twin_tolerance());
    CHECK(difference(log_softmax(x, {.temperature = t, .dim = dim}),
                     by_lines(x, dim, shape, logs)) < twin_tolerance());
  });
}

TEST_CASE("along a dimension by hand, with the shapes that are left") {
  const Tensor x = Tensor::from({2, 3}, {1, 2, 3, 4, 5, 9});
  CHECK(difference(sum(x, 0), Tensor::from({3}, {5, 7, 12})) == 0);
  CHECK(difference(sum(x, 1), Tensor::from({2}, {6, 18})) == 0);
  CHECK(difference(sum(x, -2, {.keep = true}), Tensor::from({1, 3}, {5, 7, 12})) == 0);
  CHECK(difference(mean(x, 1, {.keep = true}), Tensor::from({2, 1}, {2, 6})) == 0);
  CHECK(difference(max(x, 0), Tensor::from({3}, {4, 5, 9})) == 0);
  CHECK(sum(Tensor::from({2}, {3, 4}), 0).shape() == Shape{});
  CHECK(same_bits(sum_last(x), sum(x, -1, {.keep = true})));
  CHECK(same_bits(max_last(x), max(x, -1, {.keep = true})));
  CHECK(same_bits(softmax(x, 2), softmax(x, {.temperature = 2})));
}

TEST_CASE("of equal maxima along a dimension the first gets the gradient") {
  Tensor x = Tensor::from({3, 2}, {1, 7, 5, 7, 5, 0}).requires_grad();
  sum(max(x, 0) * Tensor::from({2}, {10, 20})).backward();
  CHECK(difference(x.grad(), {0, 20, 10, 0, 0, 0}) == 0);
}

TEST_CASE("no reduction loses NaN, wherever it stands, and infinities come out as they should") {
  for (const Index place : {0, 1, 2}) {
    CAPTURE(place);
    for (const int dim : {0, 1}) {
      Tensor x = dim == 0 ? Tensor::from({3, 1}, {1, 3, 2}) : Tensor::from({1, 3}, {1, 3, 2});
      x.values()[static_cast<std::size_t>(place)] = NAN;
      for (const Tensor& y : {sum(x, dim), mean(x, dim), max(x, dim), log_sum_exp(x, dim)}) {
        CHECK(std::isnan(y.item()));
      }
      const Tensor shares = softmax(x, {.dim = dim});
      for (const real v : shares.values()) CHECK(std::isnan(v));
    }
  }
  const Tensor odd = Tensor::from({2, 3}, {-INFINITY, -INFINITY, -INFINITY, INFINITY, 0, 1});
  const Tensor y = log_sum_exp(odd, 1);
  CHECK(y.values()[0] == -INFINITY);
  CHECK(y.values()[1] == INFINITY);
  CHECK(max(slice_rows(odd, 0, 1), 1).item() == -INFINITY);
  Tensor far = Tensor::from({2, 3}, {0, std::log(real{2}), std::log(real{5}), 1e4, 1e4, -INFINITY});
  const Tensor l = log_sum_exp(far.requires_grad());
  CHECK(difference(l, Tensor::from({2}, {std::log(real{8}), real{1e4} + std::log(real{2})})) <
        1e-6);
  sum(l).backward();
  CHECK(difference(far.grad(), {1.0 / 8, 2.0 / 8, 5.0 / 8, 0.5, 0.5, 0}) < 1e-3);
}

TEST_CASE("reductions along a dimension refuse one that is not there, and nothing to reduce") {
  const Tensor x = Tensor::zeros({2, 3}), none = Tensor::zeros({2, 0});
  CHECK(error_of([&] { sum(x, 2); }) ==
        "sum: there is no dimension 2 in (2, 3): they are 0 to 1, or -2 to -1 from the end");
  CHECK(contains(error_of([&] { mean(x, -3); }), "mean: there is no dimension -3"));
  CHECK(contains(error_of([&] { max(x, 5); }), "max: there is no dimension 5"));
  CHECK(contains(error_of([&] { softmax(x, {.dim = 2}); }), "softmax: there is no dimension 2"));
  CHECK(contains(error_of([&] { log_softmax(x, {.dim = 2}); }), "log_softmax: there is no"));
  CHECK(error_of([&] { log_sum_exp(Tensor::scalar(1)); }) ==
        "log_sum_exp: a scalar has no dimension -1");
  CHECK(error_of([&] { max(none, 1); }) == "max: dimension 1 of shape (2, 0) has no elements");
  CHECK(contains(error_of([&] { mean(none, 1); }), "mean: dimension 1"));
  CHECK(contains(error_of([&] { log_sum_exp(none, -1); }), "log_sum_exp: dimension 1"));
  CHECK(difference(sum(none, 1), {0, 0}) == 0);
  CHECK(max(none, 0).shape() == Shape{0});
}
