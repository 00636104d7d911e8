// Standardised logits: worked numbers, what they are the same as, rows without a deviation.
#include "nn/distill/methods/standardise.h"

#include "nn/distill/methods/kd.h"
#include "nn/distill/methods/labels.h"
#include "nn/losses.h"
#include "tests/nn/distill/methods/step.h"

using namespace limbeck;
using namespace limbeck::testing;
using namespace limbeck::testing::worked;

namespace {

double standard_kd(const Tensor& student, const Tensor& teacher, double t, int correction = 1) {
  const Term term = standardised(kd({.temperature = t}), {.correction = correction});
  return number(value_of(term, student, teacher, y));
}

// The deviations of rows: (N, C) → (N, 1).
Tensor deviations(const Tensor& x, int correction) {
  const Tensor d = x - mean_last(x);
  return sqrt(sum_last(d * d) / static_cast<real>(x.dim(1) - correction));
}

}  // namespace

TEST_CASE("rows and their deviations are standardised as worked") {
  const Tensor mine = standardise(z), theirs = standardise(v);
  CHECK(off(mine, {0.447213555, 1.341640666, 0.000000000, -1.341640666, -0.447213555}) < tolerance);
  CHECK(off(theirs, {0.410791899, 1.323662787, -0.045643544, -1.414949876, -0.273861266}) <
        tolerance);
  CHECK(off(row(theirs, 2), {0.209449265, -0.663256006, -1.099608641, 1.518507172, 0.034908211}) <
        tolerance);
  CHECK(off(deviations(z, 1), {1.118033989, 1.006479011, 1.119374826}) < tolerance);
  CHECK(off(deviations(v, 1), {2.190890230, 1.923538406, 1.145862121}) < tolerance);
  CHECK(off(deviations(z, 0), {1.000000000, 0.900222195, 1.001199281}) < tolerance);
  CHECK(off(deviations(v, 0), {1.959591794, 1.720465053, 1.024890238}) < tolerance);
  for (const int correction : {0, 1}) {
    const Tensor plain = (z - mean_last(z)) / (deviations(z, correction) + static_cast<real>(1e-7));
    CHECK(difference(standardise(z, {.correction = correction}), plain) < 1e-6);
  }
}

TEST_CASE("soft targets of standardised logits have their worked values") {
  check_all({
      {"by C - 1",
       [](double t) { return standard_kd(z, v, t); },
       {0.049636467, 0.077778387, 0.091018421}},
      {"by C",
       [](double t) { return standard_kd(z, v, t, 0); },
       {0.054479578, 0.093057470, 0.111945859}},
      {"with labels",
       [](double t) { return 0.1 * number(cross_entropy(z, y)) + 9 * standard_kd(z, v, t); },
       {0.593495795, 0.846773081, 0.965933381}},
      // Student and teacher at the teacher's size, whichever the deviation, without T².
      {"spherical",
       [](double t) {
         const Tensor sigma = deviations(v, 1);
         return number(kd_loss(standardise(z) * sigma, standardise(v) * sigma, {t})) / (t * t);
       },
       {0.055909486, 0.024977733, 0.007657061}},
  });
}

TEST_CASE("soft targets of standardised logits have their worked gradient, along no logits") {
  const Term term = standardised(kd({.temperature = 2}));
  const Tensor dz = gradient(z, [&](const Tensor& x) { return value_of(term, x, v, y); });
  CHECK(off(dz, {0.001772151, 0.000186618, 0.002272957, 0.003281864, -0.007513590,   //
                 0.002113733, 0.005530063, 0.002418910, -0.008907551, -0.001155155,  //
                 -0.032427348, 0.031204309, 0.038259331, -0.020047072, -0.016989220}) < tolerance);
  // Σ dz = 0 and Σ dz z = 0: the size of the logits is no concern of it. (One that forgets that σ
  // is the student's has only the first.)
  CHECK(difference(sum_last(dz), Tensor::zeros({3, 1})) < 1e-7);
  CHECK(difference(sum_last(dz * z), Tensor::zeros({3, 1})) < 1e-7);
  CHECK(standard_kd(z * real{3}, v, 2) == near(0.077778387));
  CHECK(standard_kd(z * real{3} + real{5}, v * real{2}, 2) == near(0.077778387));
}

TEST_CASE("standardised soft targets are soft targets at a temperature for each row and side") {
  for (const double t : {1.0, 2.0, 4.0}) {
    const Tensor q = z / deviations(z, 1), p = v / deviations(v, 1);
    CHECK(standard_kd(z, v, t) == near(number(kd_loss(q, p, {t}))));
  }
}

TEST_CASE("with two classes only the sign is left of standardised logits") {
  const Tensor theirs = tensor({1, 2}, {3, -1}), right = tensor({1, 2}, {0.2, 0.1});
  const Tensor wrong = tensor({1, 2}, {0.1, 0.2});
  const double half = std::sqrt(0.5);
  CHECK(off(standardise(theirs), {half, -half}) < tolerance);
  CHECK(off(standardise(theirs, {.correction = 0}), {1, -1}) < tolerance);
  const Term term = standardised(kd({.temperature = 2}));
  const std::vector<std::int32_t> label = {0};
  const auto value = [&](const Tensor& x) { return value_of(term, x, theirs, label); };
  CHECK(std::abs(number(value(right))) < 1e-11);
  CHECK(number(value(wrong)) == near(0.960314952));
  CHECK(number(kd_loss(right, theirs, {2})) == near(1.236343756));
  CHECK(difference(gradient(wrong, value), Tensor::zeros({1, 2})) < 1e-4);
}

TEST_CASE("a constant row has no deviation: it becomes 0, with gradient 0") {
  for (const Index classes : {2, 3, 5, 7, 10}) {
    CAPTURE(classes);
    const Tensor none = Tensor::zeros({1, classes});
    for (const double at : {0.0, 0.1, 1e6}) {
      const Tensor flat = Tensor::full({1, classes}, static_cast<real>(at));
      CHECK(difference(standardise(flat), none) == 0);
      const Tensor weights = random_tensor({1, classes}, 1);
      const Tensor dx =
          gradient(flat, [&](const Tensor& x) { return sum(standardise(x) * weights); });
      CHECK(difference(dx, none) == 0);
    }
  }
}

TEST_CASE("standardised refuses what has no deviation, and tells what it is of") {
  CHECK(error_of([] {
          standardise(Tensor::zeros({3, 1}));
        }) == "standardise: a deviation by C − 1 needs two classes at least; logits (3, 1)");
  CHECK(error_of([] { standardise(z, {.correction = 2}); }) ==
        "standardise: the correction is 0 or 1, for a σ² by C or by C − 1; got 2");
  CHECK(contains(error_of([] { standardise(Tensor::zeros({4})); }), "the logits must be (N, C)"));
  const Term plain = standardised(kd({.temperature = 2}));
  CHECK(plain.name == "std-kd");
  CHECK(plain.description == "standardised(kd(T=2))");
  CHECK(standardised(kd(), {.correction = 0}).description == "standardised(kd(T=4), correction=0)");
  CHECK(standardised(labels()).uses_teacher == false);
}
