// Limits on gradients, at the edges: each by itself, and what is not finite.
#include "optim/constraint.h"

#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// A parameter of which this is the gradient.
Tensor with_gradient(std::initializer_list<real> values) {
  const Tensor gradient = Tensor::from({static_cast<Index>(values.size())}, values);
  Tensor parameter = Tensor::zeros(gradient.shape()).requires_grad();
  sum(parameter * gradient).backward();
  return parameter;
}

constexpr real infinite = INFINITY, no_number = NAN;

}  // namespace

TEST_CASE("clipping by value cuts each element by itself, and leaves NaN") {
  const Tensor a = with_gradient({-3, -1, 0.5, 1, 2}),
               b = with_gradient({infinite, -infinite, no_number, 0.25});
  const Tensor none = Tensor::zeros({2}).requires_grad();
  clip_grad_value({a, none, b}, 1);
  CHECK(difference(a.grad(), {-1, -1, 0.5, 1, 1}) == 0);
  const std::span<const real> cut = b.grad().values();
  CHECK(cut[0] == 1);
  CHECK(cut[1] == -1);
  CHECK(std::isnan(cut[2]));
  CHECK(cut[3] == 0.25);
  CHECK_FALSE(none.has_grad());
  CHECK(error_of([&] { clip_grad_value({a}, -1); }) ==
        "clip_grad_value: max_value must be positive; got -1");
  CHECK(contains(error_of([&] { clip_grad_value({a}, NAN); }), "got nan"));
}

TEST_CASE(
    "clipping by a norm that is not finite makes no gradient that could pass for a good one") {
  const Tensor a = with_gradient({1, 2}), b = with_gradient({no_number, 3});
  CHECK(std::isnan(clip_grad_norm({a, b}, 1)));
  for (const Tensor& w : {a, b}) {
    const Tensor& g = w.grad();
    for (const real x : g.values()) CHECK(std::isnan(x));
  }
  const Tensor c = with_gradient({1, 2}), d = with_gradient({-infinite, 3});
  CHECK(clip_grad_norm({c, d}, 1) == INFINITY);
  CHECK(difference(c.grad(), {0, 0}) == 0);
  CHECK(std::isnan(d.grad().values()[0]));
  CHECK(d.grad().values()[1] == 0);
  const Tensor e = with_gradient({1, 2}), none = Tensor::zeros({2}).requires_grad();
  CHECK(clip_grad_norm({none, e}, INFINITY) ==
        doctest::Approx(std::sqrt(5)));  // a look at the norm
  CHECK(difference(e.grad(), {1, 2}) == 0);
}
