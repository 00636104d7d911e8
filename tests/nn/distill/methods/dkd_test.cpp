// The two methods that take the label and the other classes apart, dkd and nkd: worked numbers.
#include "nn/distill/methods/dkd.h"

#include "nn/distill/methods/kd.h"
#include "nn/distill/methods/nkd.h"
#include "nn/losses.h"
#include "tests/nn/distill/methods/worked.h"

using namespace limbeck;
using namespace limbeck::testing;
using namespace limbeck::testing::worked;

namespace {

double part(const Tensor& student, const Tensor& teacher, std::span<const std::int32_t> ids,
            double t, double alpha, double beta) {
  const DkdOptions options{.temperature = t, .alpha = alpha, .beta = beta};
  return number(dkd_loss(student, teacher, ids, options)) / (t * t);
}

double tckd(const Tensor& student, const Tensor& teacher, std::span<const std::int32_t> ids,
            double t) {
  return part(student, teacher, ids, t, 1, 0);
}

double nckd(const Tensor& student, const Tensor& teacher, std::span<const std::int32_t> ids,
            double t) {
  return part(student, teacher, ids, t, 0, 1);
}

}  // namespace

TEST_CASE("the parts of decoupled distillation have their worked values") {
  const auto of_row = [](std::size_t n, auto f) {
    return [n, f](double t) {
      const auto at = static_cast<Index>(n);
      return f(row(z, at), row(v, at), std::span(y).subspan(n, 1), t);
    };
  };
  const auto whole = [](double beta) {
    return [beta](double t) { return t * t * part(z, v, y, t, 1, beta); };
  };
  check_all({
      {"TCKD of row 0", of_row(0, tckd), {0.150124164, 0.063942560, 0.017204836}},
      {"TCKD of row 1", of_row(1, tckd), {0.130327648, 0.055113372, 0.014460042}},
      {"TCKD of row 2", of_row(2, tckd), {0.091730675, 0.038147443, 0.011350852}},
      {"NCKD of row 0", of_row(0, nckd), {0.064370087, 0.034927452, 0.012876017}},
      {"NCKD of row 1", of_row(1, nckd), {0.095863434, 0.037142873, 0.010694871}},
      {"NCKD of row 2", of_row(2, nckd), {0.074574830, 0.037916604, 0.011987311}},
      {"TCKD", [](double t) { return tckd(z, v, y, t); }, {0.124060829, 0.052401125, 0.014338577}},
      {"NCKD", [](double t) { return nckd(z, v, y, t); }, {0.078269450, 0.036662310, 0.011852733}},
      {"beta = 1", whole(1), {0.202330279, 0.356253739, 0.419060957}},
      {"beta = 2", whole(2), {0.280599729, 0.502902978, 0.608704687}},
      {"beta = 8", whole(8), {0.750216430, 1.382798410, 1.746567062}},
  });
  CHECK(number(dkd_loss(z, v, y)) == near(1.746567062));  // the defaults
}

TEST_CASE("the classic soft loss is the sum of the two parts, the second by what is left") {
  const std::vector<std::vector<double>> left = {{0.178846081, 0.195154099, 0.854892224},
                                                 {0.448905436, 0.465756178, 0.803949809},
                                                 {0.632202765, 0.642368762, 0.794758582}};
  const std::vector<double> temperatures = {1, 2, 4};
  for (std::size_t i = 0; i < 3; ++i) {
    const double t = temperatures[i];
    CAPTURE(t);
    for (std::size_t n = 0; n < 3; ++n) {
      const auto at = static_cast<Index>(n);
      const auto label = std::span(y).subspan(n, 1);
      const Tensor mine = row(z, at), theirs = row(v, at);
      const Tensor p = softmax(theirs, t);
      const double p_y = static_cast<double>(p.values()[static_cast<std::size_t>(y[n])]);
      CHECK(1 - p_y == near(left[i][n]));
      CHECK(t * t * (tckd(mine, theirs, label, t) + (1 - p_y) * nckd(mine, theirs, label, t)) ==
            near(number(kd_loss(mine, theirs, {t}))));
    }
  }
}

TEST_CASE("decoupled distillation has its worked gradient") {
  struct Case {
    double t;
    std::vector<double> dz;
  };
  const std::vector<Case> cases = {
      {1,
       {-0.352249394, -0.086044229, 0.181797198, 0.146230851, 0.110265574,  //
        0.061768240, 0.277534883, -0.080622471, -0.422425720, 0.163745068,  //
        -0.035497097, 0.159555529, 0.140562547, -0.055956725, -0.208664254}},
      {2,
       {-0.428777884, -0.117699771, 0.081007611, 0.402381253, 0.063088791,   //
        -0.079442125, 0.351211716, -0.109063837, -0.491467392, 0.328761638,  //
        -0.062039522, 0.284864591, 0.309797029, -0.112436661, -0.420185437}},
      {4,
       {-0.464744703, -0.114278367, -0.019838004, 0.616368050, -0.017506977,  //
        -0.161137754, 0.348423109, -0.104301508, -0.507983761, 0.424999913,   //
        -0.074882708, 0.332288595, 0.405345372, -0.122311003, -0.540440256}}};
  for (const Case& c : cases) {
    CAPTURE(c.t);
    const auto loss = [&](const Tensor& x) { return dkd_loss(x, v, y, {.temperature = c.t}); };
    CHECK(off(gradient(z, loss), c.dz) < tolerance);
  }
}

TEST_CASE("where the label is all but certain or all but ruled out both parts stay exact") {
  const std::vector<std::int32_t> label = {0};
  const Tensor sure = tensor({1, 3}, {60, 0, 0}), wild = tensor({1, 3}, {5, 0, -120});
  CHECK(tckd(wild, sure, label, 1) == near(0.006715348));
  CHECK(nckd(wild, sure, label, 1) == near(59.306852819));
  CHECK(number(kd_loss(wild, sure, {1})) == near(0.006715348));
  // 1 − q_y is e⁻²⁰⁰ here, which float takes for 0.
  const Tensor mild = tensor({1, 3}, {1, 0, 0}), certain = tensor({1, 3}, {200, 0, 0});
  CHECK(tckd(certain, mild, label, 1) == near(83.801295218));
  CHECK(nckd(certain, mild, label, 1) == doctest::Approx(0));
  CHECK(number(kd_loss(certain, mild, {1})) == near(83.801295218));
}

TEST_CASE("the target is the label, not the teacher's favourite") {
  CHECK(std::abs(number(dkd_loss(z, v, argmax_last(v))) - 1.746567062) > 0.1);
}

TEST_CASE("with two classes there is one other, about which nothing is left to say") {
  const Tensor mine = tensor({1, 2}, {0.2, 0.1}), theirs = tensor({1, 2}, {3, -1});
  const std::vector<std::int32_t> label = {1};
  CHECK(nckd(mine, theirs, label, 1) == 0);
  CHECK(part(mine, theirs, label, 2, 1, 8) == near(number(kd_loss(mine, theirs, {2})) / 4));
}

TEST_CASE("normalised distillation has its worked values and gradients") {
  const auto loss = [](double t, double gamma) {
    return number(nkd_loss(z, v, y, {.temperature = t, .gamma = gamma}));
  };
  check_all({
      {"the label's part",
       [&](double t) { return loss(t, 0); },
       {0.468762943, 0.468762943, 0.468762943}},
      {"the others'",
       [&](double t) { return (loss(t, 1) - loss(t, 0)) / (t * t); },
       {0.986343525, 1.257307887, 1.351236712}},
      {"gamma = 1.5",
       [&](double t) { return loss(t, 1.5); },
       {1.948278231, 8.012610267, 32.898444020}},
  });
  CHECK(number(nkd_loss(z, v, y)) == near(1.948278231));  // the defaults
  CHECK(number(nkd_loss(v, v, y)) == near(1.567657141));  // what is left of the teacher's entropy
  const auto dz = [](double t) {
    return gradient(z, [t](const Tensor& x) { return nkd_loss(x, v, y, {.temperature = t}); });
  };
  CHECK(off(dz(1), {-0.017000251, -0.119608943, 0.063835187, 0.034056008, 0.038717998}) <
        tolerance);
  CHECK(off(dz(4), {-0.037003101, -0.119608943, 0.024880203, 0.119264617, 0.012467224}) <
        tolerance);
}

TEST_CASE("normalised distillation takes no logarithm of a softmax that has become 0") {
  const Tensor wild = tensor({1, 3}, {300, 0, -300}), even = tensor({1, 3}, {1, 0, 0});
  const std::vector<std::int32_t> label = {0};
  // q̂ = (1, e⁻³⁰⁰) against p̂ = (½, ½), and p_y ln q_y = 0.
  CHECK(number(nkd_loss(wild, even, label, {.gamma = 1})) == near(150));
  const std::vector<std::int32_t> last = {2};
  const double p_y = 1 / (std::exp(1) + 2), p_first = std::exp(1) / (std::exp(1) + 1);
  CHECK(number(nkd_loss(wild, even, last, {.gamma = 1})) == near(600 * p_y + 300 * (1 - p_first)));
}
