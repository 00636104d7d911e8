// DetectAnomaly: the op that made the first NaN or infinity is named, and no other.
#include "core/inspect/debug.h"

#include <limits>

#include "core/gradient_sink.h"
#include "nn/linear.h"
#include "nn/losses.h"
#include "nn/sequential.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

const real infinity = std::numeric_limits<real>::infinity();

}  // namespace

TEST_CASE("without DetectAnomaly a NaN passes in silence") {
  CHECK(std::isnan(log(Tensor::scalar(-1)).item()));
}

TEST_CASE("DetectAnomaly names the op that made the first value that is not finite") {
  const DetectAnomaly detect_anomaly;
  const Tensor x = Tensor::from({3}, {1, 0, 2});
  CHECK(
      error_of([&] { exp(log(x)); }) ==
      "detect_anomaly: log made the first value that is not finite: -infinity at element 1 of (3), "
      "from finite inputs of shape (3)");
  CHECK(error_of([&] { exp(log(x + 1)); }) == "(no error)");
}

TEST_CASE("DetectAnomaly also looks at what is not recorded") {
  const DetectAnomaly detect_anomaly;
  const NoGrad no_grad;
  const Tensor huge = Tensor::full({2, 2}, std::numeric_limits<real>::max());
  CHECK(contains(error_of([&] { linear(huge, huge, Tensor()); }), "linear made the first value"));
  CHECK(contains(error_of([&] {
                   reshape(Tensor::full({4}, infinity), {2, 2});
                 }),
                 "came into reshape: its input 0, (4), has infinity at element 0"));
}

TEST_CASE("DetectAnomaly tells a bad input from a bad op") {
  const DetectAnomaly detect_anomaly;
  Tensor weight = Tensor::from({2}, {1, infinity});
  weight.set_name("scale");
  CHECK(error_of([&] {
          Tensor::from({2}, {1, 1}) * weight;
        }) ==
        "detect_anomaly: the first value that is not finite came into mul: its input 1, scale (2), "
        "has infinity at element 1");
}

TEST_CASE("DetectAnomaly names the op whose gradient is the first that is not finite") {
  // 8 ln x is finite at the smallest number that is not denormal, and its gradient 8 / x is not.
  const DetectAnomaly detect_anomaly;
  Tensor x = Tensor::from({2}, {1, std::numeric_limits<real>::min()});
  x.requires_grad().set_name("x");
  const Tensor loss = sum(log(x * 1)) * 8;
  CHECK(error_of([&] { loss.backward(); }) ==
        "detect_anomaly: the first gradient that is not finite is log's: infinity at element 1 of "
        "that "
        "for its input 0, (2)");
}

TEST_CASE("DetectAnomaly looks at gradients that would go to their sink in parts") {
  Rng rng(1);
  Linear layer({.in = 2, .out = 2}, rng);
  const real huge = std::numeric_limits<real>::max();
  const Tensor x = Tensor::full({4, 2}, huge);
  layer.weight.values()[0] = layer.weight.values()[1] = 0;
  layer.weight.values()[2] = layer.weight.values()[3] = 0;
  const Tensor loss = sum(layer(x));  // finite: the biases; dW = Σ x overflows
  int taken = 0;
  const GradientSink sink{.leaf = layer.weight,
                          .take = [&](Index, std::span<const real>) { ++taken; }};
  const DetectAnomaly detect_anomaly;
  CHECK(contains(error_of([&] { backward_into(loss, std::span(&sink, 1)); }),
                 "the first gradient that is not finite is linear's"));
  CHECK(taken == 0);
}

TEST_CASE("DetectAnomaly names the layer, forward and backward") {
  Rng rng(1);
  Sequential model(Linear({.in = 2, .out = 2}, rng),
                   Function([](const Tensor& x) { return log(x); }, "Log"));
  model.set_name("student");
  const DetectAnomaly detect_anomaly;
  auto& layer = dynamic_cast<Linear&>(model[0]);
  std::ranges::fill(layer.weight.values(), real{0});
  std::ranges::fill(layer.bias.values(), real{0});
  CHECK(contains(error_of([&] {
                   model(Tensor::zeros({1, 2}));
                 }),
                 "student.1 (Log): detect_anomaly: log made the first value"));
  std::ranges::fill(layer.bias.values(), std::numeric_limits<real>::min());
  const Tensor loss = sum(model(Tensor::zeros({1, 2}))) * 8;
  CHECK(contains(error_of([&] { loss.backward(); }),
                 "student.1 (Log): detect_anomaly: the first gradient"));
}

TEST_CASE("DetectAnomaly changes no gradient, and ends with its scope") {
  Rng rng(1);
  Sequential model(Linear({.in = 3, .out = 4}, rng), ReLU(), Linear({.in = 4, .out = 2}, rng));
  const Tensor x = random_tensor({5, 3}, 2);
  const std::vector<std::int32_t> class_ids = {0, 1, 0, 1, 1};
  cross_entropy(model(x), class_ids).backward();
  const Tensor plain = model.parameters()[0].grad().clone();
  model.zero_grad();
  {
    const DetectAnomaly outer;
    { const DetectAnomaly inner; }
    CHECK(error_of([] { log(Tensor::scalar(0)); }) != "(no error)");
    cross_entropy(model(x), class_ids).backward();
  }
  CHECK(same_bits(model.parameters()[0].grad(), plain));
  CHECK(error_of([] { log(Tensor::scalar(0)); }) == "(no error)");
}
