// The model of a step on many ranks, and the wire that is found from sums.
#include "apps/common/step_model.h"

#include <cmath>
#include <vector>

#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

TEST_CASE("a step on r ranks is its share of the work, and of the sum what is not hidden") {
  // 1 GB over 1 Gbit/s, half a second a round.
  const Wire wire{.bandwidth = 1.25e8, .latency = 0.5};
  CHECK(sum_seconds(1e9, 1, wire) == 0);
  CHECK(sum_seconds(1e9, 2, wire) == doctest::Approx(8 + 0.5));   // 10⁹ bytes, one round
  CHECK(sum_seconds(1e9, 4, wire) == doctest::Approx(12 + 1.0));  // 1.5 · 10⁹, two rounds
  const StepWork work{.seconds = 8, .bytes = 1e9, .hidden_share = 0.5};
  CHECK(step_seconds(work, 1, wire) == 8);
  CHECK(step_seconds(work, 2, wire) == doctest::Approx(4 + 8.5 - 2));
  CHECK(step_seconds(work, 4, wire) == doctest::Approx(2 + 13 - 1.0));
  // 2 s of the 8 are the optimizer's: each of two ranks takes 2 + 3, and hides 2.5.
  CHECK(step_seconds({.seconds = 8, .fixed = 2, .bytes = 1e9, .hidden_share = 0.5}, 2, wire) ==
        doctest::Approx(5 + 8.5 - 2.5));
  // All hidden: a sum of 0.25 s beside 2 s of 4.
  CHECK(step_seconds({.seconds = 8, .bytes = 1e6, .hidden_share = 0.5}, 2,
                     {.bandwidth = 4e6, .latency = 0}) == 4);
  CHECK(error_of([&] { sum_seconds(1, 0, wire); }) ==
        "step_model: there must be at least one rank; got 0");
}

TEST_CASE("the wire of sums that it explains is found exactly, and else the nearest") {
  const Wire exact =
      fit_wire(std::vector<MeasuredSum>{{1e9, 2, 8.5}, {1e9, 4, 13}, {0, 2, 0.5}, {0, 8, 1.5}});
  CHECK(exact.bandwidth == doctest::Approx(1.25e8));
  CHECK(exact.latency == doctest::Approx(0.5));
  // Sums of no bytes that take 1 s and 3 s: (1/1 · b − 1)² + (1/3 · b − 1)² is least at b = 1.2.
  const Wire mean = fit_wire(std::vector<MeasuredSum>{{0, 2, 1}, {0, 2, 3}, {1e9, 2, 1e9}});
  CHECK(mean.latency == doctest::Approx(1.2).epsilon(1e-6));
  // A larger sum that is faster shows no bandwidth; one that takes no time a round no latency.
  CHECK(std::isinf(fit_wire(std::vector<MeasuredSum>{{1e6, 2, 2}, {1e9, 2, 1}}).bandwidth));
  const Wire no_latency = fit_wire(std::vector<MeasuredSum>{{1e6, 2, 1}, {2e6, 2, 4}});
  CHECK(no_latency.latency == 0);
  CHECK(no_latency.bandwidth > 0);
  CHECK(contains(error_of([] { fit_wire({}); }), "at least two sums; got 0"));
  CHECK(contains(error_of([] {
                   fit_wire(std::vector<MeasuredSum>{{1, 1, 1}, {1, 2, 1}});
                 }),
                 "a sum takes two ranks and some time; got 1 and 1 s"));
  CHECK(contains(error_of([] {
                   fit_wire(std::vector<MeasuredSum>{{1, 2, 1}, {1, 2, 2}});
                 }),
                 "do not tell bandwidth from latency"));
}
