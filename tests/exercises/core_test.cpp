// Exercises of core/README.md. Write the bodies, take away doctest::skip() or run
//   build/float/tests/run --no-skip -tc='exercise core*'
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// y = ln(1 + eˣ): (…) → (…)      dx = dy · sigmoid(x)
// As one op, with record(). Finite for every finite x: eˣ overflows float from x = 89 on, and where
// x is far below 0, 1 + eˣ rounds to 1 while ln(1 + eˣ) is still eˣ. std::log1p helps.
Tensor softplus([[maybe_unused]] const Tensor& x) {
  fail("exercise", "not done yet");
}

// y = max(a, b), element by element, with broadcasting. The gradient goes to the larger; where both
// are equal, to a. Ops that there are compute it from a mask that is 1 where a ≥ b, else 0, and is
// no part of the graph.
Tensor larger_of([[maybe_unused]] const Tensor& a, [[maybe_unused]] const Tensor& b) {
  fail("exercise", "not done yet");
}

// y = ln Σ_j exp(x_j) along the last dimension: (…, D) → (…, 1)      dx = dy · softmax(x)
// Composed of ops, in a line or two. Stable as softmax is: with the row's maximum subtracted first
// and added again; as a constant, so that the gradient does not pass through it.
Tensor log_of_sum([[maybe_unused]] const Tensor& x) {
  fail("exercise", "not done yet");
}

}  // namespace

TEST_CASE("exercise core 1: softplus, an op with its gradient" * doctest::skip()) {
  Tensor x = Tensor::from({2, 3}, {0, 1, -1, 1000, -1000, -50}).requires_grad();
  const Tensor y = softplus(x);
  const double e = std::exp(1);
  CHECK(difference(y, {std::log(2), std::log(1 + e), std::log(1 + 1 / e), 1000, 0, 0}) < 1e-6);
  // ln(1 + e⁻⁵⁰) is e⁻⁵⁰ to 22 digits.
  CHECK(y.values()[5] == doctest::Approx(std::exp(-50)).epsilon(1e-5));
  const Tensor cotangent = Tensor::from({2, 3}, {1, 2, 3, 4, 5, 6});
  sum(y * cotangent).backward();
  const double s = 1 / (1 + std::exp(-1));
  CHECK(difference(x.grad(), {0.5, 2 * s, 3 * (1 - s), 4, 0, 0}) < 1e-6);
  const NoGrad no_grad;
  CHECK_FALSE(softplus(x).wants_grad());
}

TEST_CASE("exercise core 2: a maximum that broadcasts, and its gradient" * doctest::skip()) {
  Tensor a = Tensor::from({2, 3}, {1, 5, 2, 4, 2, 2}).requires_grad();
  Tensor b = Tensor::from({3}, {3, 3, 2}).requires_grad();
  const Tensor y = larger_of(a, b);
  CHECK(difference(y, {3, 5, 2, 4, 3, 2}) == 0);
  sum(y * Tensor::from({2, 3}, {1, 2, 4, 8, 16, 32})).backward();
  CHECK(difference(a.grad(), {0, 2, 4, 8, 0, 32}) == 0);
  CHECK(difference(b.grad(), {1, 16, 0}) == 0);
  CHECK(larger_of(Tensor::zeros({2, 1}), Tensor::zeros({3})).shape() == Shape{2, 3});
}

TEST_CASE("exercise core 3: log-sum-exp, of ops and stable" * doctest::skip()) {
  Tensor x = Tensor::from({2, 3}, {0, std::log(real{2}), std::log(real{5}), 1e4, 1e4, -1e4});
  x.requires_grad();
  const Tensor y = log_of_sum(x);
  REQUIRE(y.shape() == Shape{2, 1});
  CHECK(difference(y, {std::log(8), 1e4 + std::log(2)}) < 1e-6);
  sum(y * Tensor::from({2, 1}, {1, 10})).backward();
  CHECK(difference(x.grad(), {1.0 / 8, 2.0 / 8, 5.0 / 8, 5, 5, 0}) < 1e-6);
}
