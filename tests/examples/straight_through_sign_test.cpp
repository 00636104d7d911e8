// The op of apps/examples/straight_through_sign.h.
#include "apps/examples/straight_through_sign.h"

#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

TEST_CASE("the gradient goes straight through sign where |x| is at most 1") {
  const Tensor x = Tensor::from({7}, {-2, -1, real(-0.5), 0, real(0.5), 1, 2}).requires_grad();
  const Tensor y = straight_through_sign(x);
  CHECK(difference(y, {-1, -1, -1, 1, 1, 1, 1}) == 0);
  sum(y * Tensor::from({7}, {1, 2, 3, 4, 5, 6, 7})).backward();
  CHECK(difference(x.grad(), {0, 2, 3, 4, 5, 6, 0}) == 0);
}

TEST_CASE("nothing goes through sign to an input that wants no gradient") {
  CHECK_FALSE(straight_through_sign(Tensor::zeros({3})).wants_grad());
}

#ifdef LIMBECK_REAL_DOUBLE
TEST_CASE("the checker tells that a straight-through gradient is not the derivative") {
  using Inputs = std::vector<Tensor>;
  const auto f = [](const Inputs& x) { return straight_through_sign(x[0]); };
  CHECK(gradient_error(f, {random_tensor({3}, 1, 0.2, 0.9)}) == doctest::Approx(1));
  CHECK(gradient_error(f, {random_tensor({3}, 1, 1.2, 2)}) == 0);  // both are 0 there
}
#endif
