// Modules of several inputs.
#include "nn/multi_input.h"

#include "core/inspect/graph.h"
#include "nn/linear.h"
#include "nn/sequential.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// |f(a) − f(b)|², with one linear f for both: (N, D), (N, D) → (N, 1)
class Distance : public MultiInput {
 public:
  Distance(Index in, Index features, Rng& rng)
      : MultiInput(2), f_({.in = in, .out = features}, rng) {}
  std::string describe() const override { return "Distance"; }

 protected:
  Tensor forward_all(const std::vector<Tensor>& x) override {
    return sum_last(square(f_(x[0]) - f_(x[1])));
  }
  void parts(Parts& parts) override { parts("f", f_); }

 private:
  Linear f_;
};

}  // namespace

TEST_CASE("a module of two inputs computes with both, and is a module in everything else") {
  Rng rng(1);
  Distance distance(2, 1, rng);
  distance.parameters()[0].values()[0] = 3;
  distance.parameters()[0].values()[1] = 4;
  const Tensor a = Tensor::from({2, 2}, {1, 0, 2, 2}), b = Tensor::from({2, 2}, {0, 1, 2, 1});
  CHECK(difference(distance(a, b), {1, 16}) < 1e-5);  // (3 − 4)², 4²
  CHECK(distance.named_parameters()[0].name == "f.weight");
  distance.set_name("distance");
  sum(distance(a, b)).backward();
  CHECK(difference(distance.parameters()[0].grad(), {-2, 10}) <
        1e-4);  // 2 · −1 (1, −1), 2 · 4 (0, 1)
  CHECK(contains(to_dot(sum(distance(a, b))), "distance (Distance)"));
}

TEST_CASE("a module of two inputs says so where it gets another number of them") {
  Rng rng(1);
  Distance distance(2, 1, rng);
  const Tensor x = Tensor::zeros({1, 2});
  CHECK(error_of([&] { distance(x); }) == "Distance: the module takes 2 inputs; got 1");
  CHECK(error_of([&] { distance(x, x, x); }) == "Distance: the module takes 2 inputs; got 3");
  Sequential net(std::move(distance));
  CHECK(error_of([&] { net(x); }) == "0 (Distance): Distance: the module takes 2 inputs; got 1");
}
