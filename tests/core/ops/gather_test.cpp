// Rows that are gathered, and how their gradients come together again.
#include "core/ops/gather.h"

#include "core/inspect/debug.h"
#include "core/parallel.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

TEST_CASE("gathered rows come in the order asked for, and repeated ones add up in the gradient") {
  Tensor x = Tensor::from({3, 2}, {1, 2, 3, 4, 5, 6}).requires_grad();
  const std::vector<Index> picks = {2, 0, 2, 2};
  const Tensor y = gather_rows(x, picks);
  CHECK(difference(y, Tensor::from({4, 2}, {5, 6, 1, 2, 5, 6, 5, 6})) == 0);
  sum(y * Tensor::from({4, 1}, {1, 2, 4, 8})).backward();
  CHECK(difference(x.grad(), {2, 2, 0, 0, 13, 13}) == 0);

  const std::vector<std::int32_t> ids = {1, 1};
  CHECK(difference(gather_rows(x, ids), {3, 4, 3, 4}) == 0);
  CHECK(difference(gather_rows(Tensor::from({3}, {7, 8, 9}), picks), {9, 7, 9, 9}) == 0);
  CHECK(gather_rows(Tensor::zeros({3, 2, 5}), picks).shape() == Shape{4, 2, 5});
  CHECK(gather_rows(x, std::vector<Index>{}).shape() == Shape{0, 2});
  const NoGrad no_grad;
  CHECK_FALSE(gather_rows(x, picks).wants_grad());
}

TEST_CASE("a row that is not there, and a scalar's, are refused") {
  const Tensor x = Tensor::zeros({3, 2});
  CHECK(error_of([&] {
          gather_rows(x, std::vector<Index>{0, 3});
        }) == "gather_rows: row 3 asked of (3, 2)");
  CHECK(error_of([&] { gather_rows(x, std::vector<std::int32_t>{-1}); }) ==
        "gather_rows: row -1 asked of (3, 2)");
  CHECK(error_of([&] { gather_rows(Tensor::scalar(1), std::vector<Index>{0}); }) ==
        "gather_rows: a scalar has no rows");
}

TEST_CASE("the gradient of gathered rows has the same bits on any number of threads") {
  const int before = threads();
  Rng rng(1);
  std::vector<Index> picks;
  for (int i = 0; i < 3000; ++i) picks.push_back(rng.below(5));
  const Tensor dy = random_tensor({3000, 100}, 2);
  const auto gradient = [&](int number) {
    set_threads(number);
    Tensor x = random_tensor({7, 100}, 3).requires_grad();
    sum(gather_rows(x, picks) * dy).backward();
    return x.grad();
  };
  const Tensor one = gradient(1), three = gradient(3), four = gradient(4);
  set_threads(before);
  CHECK(same_bits(one, three));
  CHECK(same_bits(one, four));
  std::vector<double> exact(7 * 100);
  for (std::size_t m = 0; m < picks.size(); ++m) {
    for (std::size_t j = 0; j < 100; ++j) {
      exact[static_cast<std::size_t>(picks[m]) * 100 + j] +=
          static_cast<double>(dy.values()[m * 100 + j]);
    }
  }
  for (std::size_t i = 0; i < exact.size(); ++i) {
    CHECK(one.values()[i] == doctest::Approx(exact[i]).epsilon(1e-4));
  }
}

TEST_CASE("gradients of parts are the same while they are searched for what is not finite") {
  const auto gradient = [] {
    Tensor x = random_tensor({4, 6}, 1).requires_grad();
    const std::vector<Index> picks = {3, 3, 0};
    (sum(slice(x, 1, 0, 4) * 2) + sum(slice(x, 1, 2, 5)) + sum(gather_rows(x, picks) * 3))
        .backward();
    return x.grad();
  };
  const Tensor usual = gradient();
  const DetectAnomaly detect;
  CHECK(same_bits(usual, gradient()));
  CHECK(difference(slice_rows(usual, 0, 1), {5, 5, 6, 6, 4, 3}) == 0);
}
