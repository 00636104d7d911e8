// Denormals: taken for 0 while the library computes, on all its threads, and as before after it.
#include "core/denormals.h"

#include <limits>

#include "core/parallel.h"
#include "optim/adam.h"
#include "optim/sgd.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

constexpr real smallest = std::numeric_limits<real>::min();  // that is not denormal

// Half of x, computed when the program runs.
real half(real x) {
  const volatile real y = x;
  return y / 2;
}

Index denormals_in(std::span<const real> values) {
  return std::ranges::count_if(values, [](real x) { return std::fpclassify(x) == FP_SUBNORMAL; });
}

}  // namespace

TEST_CASE("denormals are 0 within FlushDenormals, and numbers again after it") {
  CHECK(half(smallest) > 0);
  {
    const FlushDenormals flush_denormals;
    CHECK(half(smallest) == 0);  // a result
    {
      const FlushDenormals once_more;
      CHECK(half(smallest) == 0);
    }
    CHECK(half(smallest) == 0);
    const volatile real denormal = std::numeric_limits<real>::denorm_min();
    CHECK(denormal * real{1e6} == 0);  // an operand
  }
  CHECK(half(smallest) > 0);
  try {
    const FlushDenormals flush_denormals;
    fail("test", "no");
  } catch (const Error&) {
  }
  CHECK(half(smallest) > 0);
}

TEST_CASE("parallel loops take denormals for 0 on every thread, and on one") {
  const int before = threads();
  for (const int n : {1, 4}) {
    set_threads(n);
    std::vector<real> values(1000, 1);
    parallel_for(1000, 1, [&](Index begin, Index end) {
      for (Index i = begin; i < end; ++i) values[static_cast<std::size_t>(i)] = half(smallest);
    });
    CHECK(std::ranges::all_of(values, [](real x) { return x == 0; }));
    CHECK(half(smallest) > 0);
  }
  set_threads(before);
}

TEST_CASE(
    "a thousand steps without a gradient leave no denormal in Adam's moments or SGD's speed") {
  // As many as several threads share.
  Tensor w = Tensor::full({33'000}, 1).requires_grad(), v = w.clone().requires_grad();
  Adam adam({w});
  Sgd sgd({v}, {.lr = 0.1, .momentum = 0.9});
  const auto step = [&](real gradient) {
    adam.minimize(sum(w * gradient));
    sgd.zero_grad();
    sum(v * gradient).backward();
    sgd.step();
  };
  step(real{1} / 64);
  // 0.9^1000 is 1e-46, below float's denormals; for a double it takes seven times as many steps.
  const int steps = sizeof(real) == sizeof(float) ? 1'000 : 7'500;
  for (int i = 0; i < steps; ++i) step(0);
  for (Optimizer* optimizer : {static_cast<Optimizer*>(&adam), static_cast<Optimizer*>(&sgd)}) {
    for (const NamedTensor& state : optimizer->named_state()) {
      CAPTURE(state.name);
      CHECK(denormals_in(state.tensor.values()) == 0);
    }
  }
  CHECK(denormals_in(w.values()) == 0);
}
