// Schedules by their closed forms, at the ends and in the middle; the plateau by its reports.
#include <numbers>

#include "optim/plateau.h"
#include "optim/schedule.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

TEST_CASE("an exponential schedule passes through the drops of steps, without a jump") {
  const Schedule smooth = exponential({.every = 10, .factor = 0.5});
  const Schedule drops = step_decay({.every = 10, .factor = 0.5});
  for (const Index step : {0, 10, 20, 70}) CHECK(smooth(step) == doctest::Approx(drops(step)));
  CHECK(smooth(5) == doctest::Approx(std::sqrt(0.5)));
  CHECK(exponential({.every = 1, .factor = 0.9})(3) == doctest::Approx(0.729));
  CHECK(error_of([] { exponential({.every = 0}); }) ==
        "exponential: every must be at least 1; got 0");
}

TEST_CASE("a linear schedule is two straight lines") {
  const Schedule line = linear_decay({.warmup = 4, .total = 104, .floor = 0.1});
  CHECK(line(0) == doctest::Approx(0.25));
  CHECK(line(3) == doctest::Approx(1));
  CHECK(line(4) == doctest::Approx(1));
  CHECK(line(29) == doctest::Approx(1 - 0.9 / 4));
  CHECK(line(54) == doctest::Approx(0.55));
  CHECK(line(103) == doctest::Approx(0.109));  // the last step moves something
  CHECK(line(104) == doctest::Approx(0.1));
  CHECK(line(5000) == doctest::Approx(0.1));
  CHECK(linear_decay({.total = 10})(0) == 1);
  CHECK(linear_decay({.total = 10})(10) == 0);
  CHECK(contains(error_of([] { linear_decay({.warmup = 5, .total = 5}); }),
                 "linear_decay: the warm-up must be shorter than the total; got 5 and 5 steps"));
}

TEST_CASE("one cycle rises from 1/25 to 1 and falls to 1/250,000, by half cosines") {
  const Schedule cycle = one_cycle({.total = 100});  // the top is at step 0.3 · 100 − 1
  CHECK(cycle(0) == doctest::Approx(0.04));
  CHECK(cycle(29) == doctest::Approx(1));
  CHECK(cycle(64) == doctest::Approx((1 + 4e-6) / 2));  // half way from 29 to 99
  CHECK(cycle(99) == doctest::Approx(4e-6));
  CHECK(cycle(100) == doctest::Approx(4e-6));
  for (Index step = 1; step < 100; ++step) {
    CHECK((step <= 29 ? cycle(step) > cycle(step - 1) : cycle(step) < cycle(step - 1)));
  }
  const Schedule other = one_cycle({.total = 11, .rise = 0.5, .divisor = 4, .end_divisor = 2});
  // The top is at step 4.5, between two; 5.5 steps lead down from it.
  CHECK(other(0) == doctest::Approx(0.25));
  const double pi = std::numbers::pi;
  CHECK(other(3) == doctest::Approx(1 - 0.75 * (1 + std::cos(pi * 3 / 4.5)) / 2));
  CHECK(other(5) == doctest::Approx(0.125 + 0.875 * (1 + std::cos(pi * 0.5 / 5.5)) / 2));
  CHECK(other(10) == doctest::Approx(0.125));
}

TEST_CASE("one cycle refuses a rise of no step, or of all, and divisors that are none") {
  const auto refusal = [](const OneCycleOptions& o) { return error_of([&] { one_cycle(o); }); };
  CHECK(
      refusal({.total = 3}) ==
      "one_cycle: the rise must be longer than one step and shorter than all; got 0.3 of 3 steps");
  CHECK(refusal({.total = 4}) == "(no error)");
  CHECK(contains(refusal({}), "got 0.3 of 0 steps"));
  CHECK(contains(refusal({.total = 100, .rise = 1}), "got 1 of 100"));
  CHECK(contains(refusal({.total = 100, .rise = NAN}), "got nan"));
  CHECK(contains(refusal({.total = 100, .divisor = 0.5}), "divisors must be at least 1; got 0.5"));
  CHECK(contains(refusal({.total = 100, .end_divisor = 0}), "got 25 and 0"));
}

TEST_CASE("a plateau drops the rate when patience is over, and not before") {
  Plateau plateau({.factor = 0.5, .patience = 2, .threshold = 0.1, .floor = 0.2});
  CHECK(plateau.factor() == 1);
  CHECK(plateau.report(10) == 1);   // the first is the best
  CHECK(plateau.report(9.5) == 1);  // less by too little: waited 1
  CHECK(plateau.report(8) == 1);    // progress
  CHECK(plateau.report(8) == 1);    // waited 1
  CHECK(plateau.report(NAN) == 1);  // waited 2
  CHECK(plateau.report(9) == 0.5);  // waited 3: a drop, and the count begins anew
  CHECK(plateau.report(8) == 0.5);
  CHECK(plateau.report(7.3) == 0.5);
  CHECK(plateau.report(7.3) == 0.25);
  CHECK(*plateau.state().best == 8);
  for (int i = 0; i < 3; ++i) plateau.report(8);
  CHECK(plateau.factor() == 0.2);  // the floor
  Plateau impatient({.factor = 0.5, .patience = 0});
  CHECK(impatient.report(1) == 1);
  CHECK(impatient.report(1) == 0.5);
}

TEST_CASE("a plateau takes numbers below 0, and none that is not finite as the best") {
  Plateau plateau({.factor = 0.5, .patience = 0, .threshold = 0.1});
  CHECK(plateau.report(-INFINITY) == 0.5);  // no progress, and nothing to compare with
  CHECK(plateau.report(-1) == 0.5);
  CHECK(plateau.report(-1.2) == 0.5);  // an accuracy that grows
  CHECK(plateau.report(-1.25) == 0.25);
  CHECK(*plateau.state().best == -1.2);
}

TEST_CASE("a plateau goes on from its state as one that never stopped") {
  const PlateauOptions options{.factor = 0.5, .patience = 1};
  Plateau whole(options), first(options), second(options);
  for (int i = 0; i < 12; ++i) {
    const double metric = std::abs(i - 5);
    whole.report(metric);
    (i < 7 ? first : second).report(metric);
    if (i == 6) second.set_state(first.state());
  }
  CHECK(whole.factor() < 1);
  CHECK(second.factor() == whole.factor());
  CHECK(second.state().best == whole.state().best);
  CHECK(second.state().waited == whole.state().waited);
}

TEST_CASE("a plateau refuses options out of range") {
  CHECK(
      contains(error_of([] { Plateau({.factor = 1}); }), "factor must be between 0 and 1; got 1"));
  CHECK(contains(error_of([] { Plateau({.patience = -1}); }), "patience"));
  CHECK(contains(error_of([] { Plateau({.threshold = -1}); }), "threshold"));
  CHECK(contains(error_of([] { Plateau({.floor = 2}); }), "floor"));
}
