// Comparisons, and choices by them.
#include "core/inspect/debug.h"
#include "core/parallel.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

TEST_CASE("comparisons are 1 where they hold, else 0, and none holds of NaN but that it differs") {
  const Tensor a = Tensor::from({6}, {1, 2, 3, NAN, real{-0.0}, INFINITY});
  const Tensor b = Tensor::from({6}, {2, 2, 2, NAN, 0, INFINITY});
  CHECK(difference(a > b, {0, 0, 1, 0, 0, 0}) == 0);
  CHECK(difference(a >= b, {0, 1, 1, 0, 1, 1}) == 0);
  CHECK(difference(a < b, {1, 0, 0, 0, 0, 0}) == 0);
  CHECK(difference(a <= b, {1, 1, 0, 0, 1, 1}) == 0);
  CHECK(difference(equal(a, b), {0, 1, 0, 0, 1, 1}) == 0);
  CHECK(difference(not_equal(a, b), {1, 0, 1, 1, 0, 0}) == 0);

  // Numbers on either side, written as doubles, and broadcasting.
  const double two = 2;
  CHECK(difference(a > two, {0, 0, 1, 0, 0, 1}) == 0);
  CHECK(difference(two > a, {1, 0, 0, 0, 1, 0}) == 0);
  CHECK(difference(two >= a, {1, 1, 0, 0, 1, 0}) == 0);
  CHECK(difference(a < 2, {1, 0, 0, 0, 1, 0}) == 0);
  CHECK(difference(2 <= a, {0, 1, 1, 0, 0, 1}) == 0);
  CHECK(difference(equal(a, 2), {0, 1, 0, 0, 0, 0}) == 0);
  CHECK(difference(not_equal(a, two), {1, 0, 1, 1, 1, 1}) == 0);
  const Tensor column = Tensor::from({2, 1}, {1, 3}), row = Tensor::from({3}, {0, 2, 4});
  CHECK(difference(column > row, Tensor::from({2, 3}, {1, 0, 0, 1, 1, 0})) == 0);
  CHECK((Tensor::zeros({0, 3}) < row).shape() == Shape{0, 3});
  CHECK(error_of([&] { static_cast<void>(a <= row); }) ==
        "less_equal: shapes (6) and (3) do not fit: aligned at the end, 6 meets 3, and neither is "
        "1");
}

TEST_CASE("a mask is a constant: computed of what wants a gradient it wants none") {
  Tensor x = Tensor::from({3}, {-1, 0, 2}).requires_grad();
  CHECK_FALSE((x > 0).wants_grad());
  CHECK_FALSE(equal(x, x * 2).wants_grad());
  sum(x * (x > 0) + x).backward();
  CHECK(difference(x.grad(), {1, 1, 2}) == 0);
  CHECK(is_recording());
}

TEST_CASE("where takes from one or the other, and the gradient goes to what it took") {
  Tensor a = Tensor::from({2, 3}, {1, 2, 3, 4, 5, 6}).requires_grad();
  Tensor b = Tensor::from({3}, {10, 20, 30}).requires_grad();
  const Tensor mask = Tensor::from({2, 1}, {1, 0});
  const Tensor y = where(mask, a, b);
  CHECK(difference(y, {1, 2, 3, 10, 20, 30}) == 0);
  sum(y * Tensor::from({2, 3}, {1, 2, 4, 8, 16, 32})).backward();
  CHECK(difference(a.grad(), {1, 2, 4, 0, 0, 0}) == 0);
  CHECK(difference(b.grad(), {8, 16, 32}) == 0);

  CHECK(difference(where(a > 4, 4, a), {1, 2, 3, 4, 4, 4}) == 0);
  CHECK(difference(where(a > 4, a, 0), {0, 0, 0, 0, 5, 6}) == 0);
  CHECK(difference(where(a > 4, 1, -1), {-1, -1, -1, -1, 1, 1}) == 0);
  CHECK(difference(where(Tensor::scalar(7), b, a), {10, 20, 30, 10, 20, 30}) == 0);  // not 0
  CHECK(where(Tensor::zeros({2, 1, 1}), Tensor::zeros({3, 1}), Tensor::zeros({4})).shape() ==
        Shape{2, 3, 4});
  CHECK(where(Tensor::zeros({0, 3}), a.detach().view({3}), 1).size() == 0);
  CHECK(error_of([&] { where(a, b, Tensor::zeros({2})); }) ==
        "where: shapes (2, 3) and (2) do not fit: aligned at the end, 3 meets 2, and neither is 1");

  // A mask that somebody wants the gradient of has one, of 0.
  Tensor soft = Tensor::from({2, 1}, {0.5, 0}).requires_grad();
  sum(where(soft, a, b)).backward();
  CHECK(difference(soft.grad(), {0, 0}) == 0);
}

TEST_CASE("what is not chosen spoils nothing, neither y nor the gradient; NaN in the mask stays") {
  Tensor x = Tensor::from({3}, {4, -1, 0}).requires_grad();
  const Tensor y = where(x > 0, sqrt(x), 0);  // NaN and infinite slopes, where they are not taken
  CHECK(difference(y, {2, 0, 0}) == 0);
  sum(y).backward();  // the root gets a gradient of 0 there, and multiplies it by its slope
  CHECK(std::isnan(x.grad().values()[2]));
  x.clear_grad();
  sum(where(x > 0, sqrt(where(x > 0, x, 1)), 0)).backward();
  CHECK(difference(x.grad(), {0.25, 0, 0}) == 0);
  Tensor a = Tensor::from({2}, {1, 2}).requires_grad();
  Tensor b = Tensor::from({2}, {1, NAN}).requires_grad();
  sum(where(Tensor::from({2}, {0, 1}), a, b) * Tensor::from({2}, {INFINITY, 1})).backward();
  CHECK(difference(a.grad(), {0, 1}) == 0);
  CHECK(b.grad().values()[0] == INFINITY);
  CHECK(b.grad().values()[1] == 0);
  CHECK(std::isnan(where(Tensor::scalar(NAN), 1, 2).item()));
  const Tensor kept = where(Tensor::scalar(1), b, 0);
  CHECK(std::isnan(kept.values()[1]));
}

TEST_CASE("where is the same on two threads, with rows that the cut goes through") {
  const int before = threads();
  const Tensor a = random_tensor({3, 30000}, 1), row = random_tensor({30000}, 2);
  const Tensor column = random_tensor({3, 1}, 3);
  const auto choices = [&] {
    return concat_rows({where(a > 0, a, row), where(column > 0, row, a), where(row > 0, a, column),
                        where(a > row, 1, column)});
  };
  set_threads(1);
  const Tensor one = choices();
  set_threads(3);
  const Tensor three = choices();
  set_threads(before);
  CHECK(same_bits(one, three));
  for (Index i = 0; i < 3; ++i) {
    for (const Index j : {0, 1, 15000, 29999}) {
      const real left = column.data()[i] > 0 ? row.data()[j] : a.data()[i * 30000 + j];
      CHECK(one.data()[(3 + i) * 30000 + j] == left);
      const real right = row.data()[j] > 0 ? a.data()[i * 30000 + j] : column.data()[i];
      CHECK(one.data()[(6 + i) * 30000 + j] == right);
    }
  }
}

TEST_CASE("the search for what is not finite looks at comparisons and choices too") {
  const DetectAnomaly detect;
  const Tensor bad = Tensor::from({2}, {1, NAN});
  CHECK(contains(error_of([&] { where(Tensor::scalar(1), bad, 0); }),
                 "the first value that is not finite came into where: its input 1"));
}

TEST_CASE("a number of any type takes part in arithmetic") {
  const Tensor x = Tensor::from({2}, {1, 2});
  const double quarter = 0.25;
  CHECK(difference(x * quarter + 1.5, {1.75, 2}) == 0);
  CHECK(difference(quarter / x - 1.0f, {-0.75, -0.875}) == 0);
  CHECK(difference((2 - x) / 2 * real{3}, {1.5, 0}) == 0);
  CHECK(difference(maximum(x, 1.5), {1.5, 2}) == 0);
  CHECK(difference(minimum(x, 1.5), {1, 1.5}) == 0);
}
