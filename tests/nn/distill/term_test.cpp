// Numbers that change in the course of a training, and sums of terms.
#include "nn/distill/term.h"

#include <functional>

#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

Term named(const std::string& name) {
  return {.name = name, .value = [](const TermStep& s) { return mean(s.student); }};
}

}  // namespace

TEST_CASE("a number may be constant or a function of the share of the training that is done") {
  const Varying constant = 4, rising = [](double done) { return 1 + done; };
  CHECK(constant(0.3) == 4);
  CHECK(constant.is_constant());
  CHECK(constant.str() == "4");
  CHECK(rising(0.25) == 1.25);
  CHECK_FALSE(rising.is_constant());
  CHECK(rising.str() == "1…1.5…2");
  const std::function<double(double)> function = [](double done) { return done; };
  CHECK(Varying(function)(0.5) == 0.5);
  CHECK((constant * rising)(1) == 8);
  CHECK((constant * 3)(1) == 12);
  CHECK((constant * 3).is_constant());
}

TEST_CASE("a weight warms up to 1, or is 1 until it is 0") {
  const Varying warm = warm_up(0.2), early = until(0.8);
  CHECK(warm(0) == 0);
  CHECK(warm(0.1) == 0.5);
  CHECK(warm(0.2) == 1);
  CHECK(warm(1) == 1);
  CHECK(early(0) == 1);
  CHECK(early(0.79) == 1);
  CHECK(early(0.8) == 0);
  CHECK(early(1) == 0);
  CHECK(until(1)(1) == 1);  // the whole training, its last step too
  CHECK(error_of([] { warm_up(0); }) == "warm_up: a share of the training is in (0, 1]; got 0");
  CHECK(error_of([] { until(1.5); }) == "until: a share of the training is in (0, 1]; got 1.5");
}

TEST_CASE("terms add up to an objective, each with its weight, in the order in which they stand") {
  const Objective sum = 0.1 * named("a") + named("b") + warm_up(0.5) * 3 * named("c") +
                        2 * (named("d") + 0.5 * named("e"));
  REQUIRE(sum.terms.size() == 5);
  CHECK(sum.str() == "0.1 * a + b + 0…3…3 * c + 2 * d + e");
  CHECK(sum.terms[0].weight(0) == 0.1);
  CHECK(sum.terms[2].weight(0.25) == 1.5);
  CHECK(sum.terms[4].weight(0) == 1);
  Term described = named("kd");
  described.description = "kd(T=4)";
  CHECK(Objective(described).str() == "kd(T=4)");
  CHECK((([](double done) { return done; }) * named("f")).weight(0.25) == 0.25);
}
