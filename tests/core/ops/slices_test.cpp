// Ranges of rows and of other dimensions, how their gradients come together again, and tensors put
// together along a dimension.
#include <functional>

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

TEST_CASE("so does a loop over slices along another dimension, and over gathered rows") {
  using Part = std::function<Tensor(const Tensor& x, Index i)>;
  const auto seconds_for = [](const Shape& shape, Index parts, const Part& part) {
    Tensor x = Tensor::zeros(shape).requires_grad();
    Tensor loss = Tensor::scalar(0);
    for (Index i = 0; i < parts; ++i) loss = loss + sum(part(x, i));
    const double start = cpu_seconds();
    loss.backward();
    return cpu_seconds() - start;
  };
  const Part slices = [](const Tensor& x, Index i) { return slice(x, 1, i, i + 1); };
  const Part rows = [](const Tensor& x, Index i) { return gather_rows(x, std::vector<Index>{i}); };
  double few_slices = 1e9, many_slices = 1e9, few_rows = 1e9, many_rows = 1e9;
  for (int i = 0; i < 5; ++i) {
    few_slices = std::min(few_slices, seconds_for({4, 500, 64}, 500, slices));
    many_slices = std::min(many_slices, seconds_for({4, 4000, 64}, 4000, slices));
    few_rows = std::min(few_rows, seconds_for({500, 256}, 500, rows));
    many_rows = std::min(many_rows, seconds_for({4000, 256}, 4000, rows));
  }
  CHECK(many_slices / few_slices < 24);
  CHECK(many_rows / few_rows < 24);
}

TEST_CASE("gradients of slices along any dimension add up, with what else x is used for") {
  for (const bool leaf : {true, false}) {
    Tensor w = random_tensor({2, 4}, 1).requires_grad();
    const Tensor x = leaf ? w : w * 1;
    (sum(slice(x, 1, 0, 3)) + sum(slice(x, -1, 1, 4) * 10) + sum(x * 100)).backward();
    CHECK(difference(w.grad(), {101, 111, 111, 110, 101, 111, 111, 110}) == 0);
    const Tensor held = w.grad();
    sum(slice(w, 1, 0, 1)).backward();  // adds to what is there, and not to what a caller holds
    CHECK(held.values()[0] == 101);
    CHECK(difference(w.grad(), {102, 111, 111, 110, 102, 111, 111, 110}) == 0);
  }
}

TEST_CASE("slices by hand, along each dimension; along the first they are views") {
  Tensor x = Tensor::from({2, 2, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  CHECK(difference(slice(x, 2, 1, 3), Tensor::from({2, 2, 2}, {2, 3, 5, 6, 8, 9, 11, 12})) == 0);
  CHECK(difference(slice(x, 1, 1, 2), Tensor::from({2, 1, 3}, {4, 5, 6, 10, 11, 12})) == 0);
  CHECK(difference(slice(x, -3, 1, 2), Tensor::from({1, 2, 3}, {7, 8, 9, 10, 11, 12})) == 0);
  CHECK(slice(x, 1, 2, 2).shape() == Shape{2, 0, 3});
  Tensor view = slice(x, 0, 1, 2), copy = slice(x, 2, 0, 3);
  view.values()[0] = 70;
  copy.values()[0] = 100;
  CHECK(x.values()[6] == 70);
  CHECK(x.values()[0] == 1);
  CHECK(error_of([&] { slice(x, 1, 1, 3); }) ==
        "slice: places [1, 3) asked of dimension 1 of shape (2, 2, 3)");
  CHECK(contains(error_of([&] { slice(x, 1, -1, 1); }), "slice: places [-1, 1)"));
  CHECK(contains(error_of([&] { slice(x, 3, 0, 1); }), "slice: there is no dimension 3"));
}

TEST_CASE("split and concat are each other's opposite, along each dimension") {
  const Tensor x = random_tensor({4, 5, 3}, 2);
  for (const int dim : {0, 1, 2, -1}) {
    CAPTURE(dim);
    for (const Index size : {1, 2, 3, 7}) {
      CAPTURE(size);
      const std::vector<Tensor> parts = split(x, dim, size);
      CHECK(static_cast<Index>(parts.size()) == (x.dim(dim) + size - 1) / size);
      CHECK(parts.front().dim(dim) == std::min(size, x.dim(dim)));
      CHECK(same_bits(concat(parts, dim), x));
    }
  }
  CHECK(split(Tensor::zeros({2, 0}), 1, 3).size() == 1);
  CHECK(error_of([&] { split(x, 0, 0); }) ==
        "split: the parts must have a size of at least 1; got 0");
}

TEST_CASE("concat, stack and pad by hand") {
  const Tensor a = Tensor::from({2, 2}, {1, 2, 3, 4}), b = Tensor::from({2, 1}, {5, 6});
  CHECK(difference(concat({a, b, a}, 1), Tensor::from({2, 5}, {1, 2, 5, 1, 2, 3, 4, 6, 3, 4})) ==
        0);
  CHECK(error_of([&] {
          concat({a, b}, 0);
        }) == "concat_rows: shapes (2, 2) and (2, 1) differ in more than their first dimension");
  CHECK(error_of([&] {
          concat({a, Tensor::zeros({3, 1})}, 1);
        }) == "concat: shapes (2, 2) and (3, 1) differ in more than dimension 1");
  CHECK(contains(error_of([&] { concat({a, Tensor::zeros({2})}, 1); }), "(2, 2) and (2) differ"));
  CHECK(error_of([] { concat({}, 0); }) == "concat: at least one part is needed");

  const Tensor c = Tensor::from({2, 2}, {10, 20, 30, 40});
  CHECK(difference(stack({a, c}, 0), Tensor::from({2, 2, 2}, {1, 2, 3, 4, 10, 20, 30, 40})) == 0);
  CHECK(difference(stack({a, c}, 1), Tensor::from({2, 2, 2}, {1, 2, 10, 20, 3, 4, 30, 40})) == 0);
  CHECK(difference(stack({a, c}, -1), Tensor::from({2, 2, 2}, {1, 10, 2, 20, 3, 30, 4, 40})) == 0);
  CHECK(stack({Tensor::scalar(1), Tensor::scalar(2)}, 0).shape() == Shape{2});
  CHECK(error_of([&] { stack({a, b}, 0); }) == "stack: shapes (2, 2) and (2, 1) differ");
  CHECK(error_of([] { stack({}, 0); }) == "stack: at least one part is needed");
  CHECK(contains(error_of([&] { stack({a}, 3); }), "stack: there is no dimension 3"));

  CHECK(difference(pad(a, 1, {.before = 1, .value = 9}),
                   Tensor::from({2, 3}, {9, 1, 2, 9, 3, 4})) == 0);
  CHECK(difference(pad(pad(b, -1, {.before = 1, .after = 1}), 0, {.after = 1}),
                   Tensor::from({3, 3}, {0, 5, 0, 0, 6, 0, 0, 0, 0})) == 0);
  CHECK(same_bits(pad(a, 0, {}), a));
  CHECK(error_of([&] { pad(a, 0, {.before = 1, .after = -1}); }) ==
        "pad: before and after must be from 0 to 1099511627776; got 1 and -1 (slice takes away)");
}
