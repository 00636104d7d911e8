// Ranges of rows, and how their gradients come together again.
#include "tests/cpu_time.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

TEST_CASE("gradients of ranges of rows add up, whether they overlap, and what else x is used for") {
  for (const bool leaf : {true, false}) {
    Tensor w = random_tensor({6, 2}, 1);
    w.requires_grad();
    const Tensor x = leaf ? w : w * 1;
    Tensor loss = sum(x * 10);
    for (Index row = 0; row < 5; ++row) {
      loss = loss + sum(slice_rows(x, row, row + 2)) * static_cast<real>(row + 1);
    }
    loss.backward();
    // row i takes part in the ranges that begin at i − 1, with a factor of i, and at i, with i + 1
    CHECK(difference(w.grad(), {11, 11, 13, 13, 15, 15, 17, 17, 19, 19, 15, 15}) == 0);
    const Tensor held = w.grad();
    sum(slice_rows(w, 0, 1)).backward();  // adds to what is there, and not to what a caller holds
    CHECK(held.values()[0] == 11);
    CHECK(w.grad().values()[0] == 12);
  }
}

TEST_CASE("a loop over rows costs backwards what the rows cost, not their square") {
  const auto seconds_for = [](Index rows) {
    Tensor x = Tensor::zeros({rows, 256}).requires_grad();
    Tensor loss = Tensor::scalar(0);
    for (Index row = 0; row < rows; ++row) loss = loss + sum(slice_rows(x, row, row + 1));
    const double start = cpu_seconds();
    loss.backward();
    return cpu_seconds() - start;
  };
  double few = 1e9, many = 1e9;
  for (int i = 0; i < 5; ++i) {
    few = std::min(few, seconds_for(500));
    many = std::min(many, seconds_for(4000));
  }
  CHECK(many / few < 24);  // 8 in proportion, 64 by the square
}
