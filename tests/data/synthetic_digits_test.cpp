// The synthetic digits: their form, their seed, and that they can be told apart but not too easily.
#include "data/synthetic_digits.h"

#include "core/parallel.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// The share of test images nearest, in pixels, to a training image of their own class.
double nearest_neighbour_accuracy(const TrainTest& sets) {
  Index right = 0;
  for (Index i = 0; i < sets.test.size(); ++i) {
    Index best = -1, least = 0;
    for (Index j = 0; j < sets.train.size(); ++j) {
      const auto a = sets.test.pixels_of(i), b = sets.train.pixels_of(j);
      Index distance = 0;
      for (std::size_t p = 0; p < a.size(); ++p) distance += (a[p] - b[p]) * (a[p] - b[p]);
      if (best < 0 || distance < least) best = j, least = distance;
    }
    right += sets.test.class_ids[static_cast<std::size_t>(i)] ==
             sets.train.class_ids[static_cast<std::size_t>(best)];
  }
  return static_cast<double>(right) / static_cast<double>(sets.test.size());
}

}  // namespace

TEST_CASE("synthetic digits have MNIST's form") {
  const TrainTest sets = synthetic_digits({.train = 1000, .test = 200});
  CHECK(sets.train.image == Shape{1, 28, 28});
  CHECK(sets.train.classes == 10);
  CHECK(sets.train.pixels.size() == 1000 * 784);
  CHECK(sets.test.size() == 200);
  std::vector<Index> counts(10, 0);
  for (const std::int32_t c : sets.train.class_ids) ++counts[static_cast<std::size_t>(c)];
  for (const Index count : counts) CHECK(count == 100);
  for (Index i = 0; i < sets.train.size(); ++i) {
    const auto image = sets.train.pixels_of(i);
    const auto ink = std::ranges::count_if(image, [](std::uint8_t p) { return p > 128; });
    CHECK(ink >= 10);   // a stroke is there,
    CHECK(ink <= 400);  // and background too
  }
}

TEST_CASE("the digits depend on the seed, and not on the number of threads") {
  const SyntheticDigitsOptions small{.train = 300, .test = 100};
  const int before = threads();
  set_threads(1);
  const TrainTest one = synthetic_digits(small);
  set_threads(3);
  const TrainTest three = synthetic_digits(small);
  set_threads(before);
  CHECK(one.train.pixels == three.train.pixels);
  CHECK(one.test.class_ids == three.test.class_ids);
  CHECK(one.train.pixels != synthetic_digits({.train = 300, .test = 100, .seed = 2}).train.pixels);
}

TEST_CASE("difficulty runs from copybook to handwriting") {
  const SyntheticDigitsOptions size{.train = 1000, .test = 200};
  SyntheticDigitsOptions easy = size;
  easy.difficulty = 0;
  CHECK(nearest_neighbour_accuracy(synthetic_digits(easy)) > 0.99);
  const double accuracy = nearest_neighbour_accuracy(synthetic_digits(size));
  CHECK(accuracy > 0.6);   // they are digits,
  CHECK(accuracy < 0.98);  // and no print
}

TEST_CASE("synthetic_digits refuses sets of nothing and negative difficulty") {
  CHECK(contains(error_of([] { synthetic_digits({.train = 0}); }), "0"));
  CHECK(contains(error_of([] { synthetic_digits({.difficulty = -1}); }), "-1"));
}
