// The moving average of weights: its recurrence, swapping, its place in training.
#include "optim/average.h"

#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

TEST_CASE("the average follows its recurrence, slower as steps pass, and swaps with the weights") {
  Tensor w = Tensor::from({2}, {1, -2});
  WeightAverage average({w}, 0.25);
  // d = 2/11 at the first step, and min(0.25, 3/12), min(0.25, 4/13) = 0.25 at the next two.
  std::vector<double> expected = {1, -2};
  int step = 1;
  for (const double d : {2.0 / 11, 0.25, 0.25}) {
    for (std::size_t i = 0; i < 2; ++i) {
      w.values()[i] = static_cast<real>(10 * step) + static_cast<real>(i);
      expected[i] = d * expected[i] + (1 - d) * (10.0 * step + static_cast<double>(i));
    }
    average.update();
    ++step;
  }
  CHECK(difference(w, {30, 31}) == 0);  // updating leaves the weights alone
  average.swap();
  CHECK(difference(w, {expected[0], expected[1]}) < 1e-6);
  average.swap();
  CHECK(difference(w, {30, 31}) == 0);
}

TEST_CASE("the average of weights that stay is where they are") {
  Tensor w = random_tensor({50'000}, 1);  // enough for threads
  const Tensor before = w.clone();
  WeightAverage average({w}, 0.9);
  for (int i = 0; i < 5; ++i) average.update();
  average.swap();
  CHECK(same_bits(w, before));
}

TEST_CASE("a decay outside [0, 1) is refused") {
  CHECK(contains(error_of([] { WeightAverage({Tensor::zeros({1})}, 1); }), "[0, 1); got 1"));
  CHECK(contains(error_of([] { WeightAverage({Tensor::zeros({1})}, -0.1); }), "got -0.1"));
}
