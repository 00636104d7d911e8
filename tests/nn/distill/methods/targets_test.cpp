// Soft targets that are weighted, repaired, invented, or softened case by case: worked numbers.
#include "nn/distill/ensemble.h"
#include "nn/distill/methods/case_temperature.h"
#include "nn/distill/methods/kd.h"
#include "nn/distill/methods/repair.h"
#include "nn/distill/methods/rows.h"
#include "nn/distill/methods/virtual_teacher.h"
#include "nn/distill/methods/wsl.h"
#include "nn/losses.h"
#include "nn/sequential.h"
#include "tests/nn/distill/methods/step.h"

using namespace limbeck;
using namespace limbeck::testing;
using namespace limbeck::testing::worked;

namespace {

using Numbers = std::vector<double>;

void check_near(const Numbers& x, const Numbers& numbers) {
  REQUIRE(x.size() == numbers.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    CAPTURE(i);
    CHECK(x[i] == near(numbers[i]));
  }
}

Numbers isotonic(Numbers probs, std::int32_t label) {
  repair_row(probs, label);
  return probs;
}

Numbers isotonic(Numbers probs, std::int32_t first, std::int32_t second) {
  repair_row(probs, first, second);
  return probs;
}

// p of row 2 at T = 1, whose label is 0.
Numbers wrong_answer() {
  const Tensor p = softmax(row(v, 2));
  return {p.values().begin(), p.values().end()};
}

// KL(p ‖ q) of probabilities.
double kl(const Tensor& p, const Tensor& q) {
  return number(sum(p * (log(p) - log(q)))) / static_cast<double>(p.dim(0));
}

}  // namespace

// --- weighted soft labels ---

TEST_CASE("weighted soft labels have their worked weights and values") {
  const Numbers weights = {0.945810359, 0.929083659, 0.814705048};
  const Numbers ratios = {2.915265516, 2.646254386, 1.685806390};
  for (std::size_t n = 0; n < 3; ++n) {
    const auto at = static_cast<Index>(n);
    const auto label = std::span(y).subspan(n, 1);
    const double ratio =
        number(cross_entropy(row(z, at), label)) / number(cross_entropy(row(v, at), label));
    CHECK(ratio == doctest::Approx(ratios[n]).epsilon(in_double ? 1e-6 : 1e-5));
    CHECK(number(wsl_loss(row(z, at), row(v, at), label)) /
              number(soft_ce_loss(row(z, at), row(v, at))) ==
          near(weights[n]));
  }
  const auto soft = [](double t) { return number(wsl_loss(z, v, y, {.temperature = t})); };
  check_all({{"soft term", soft, {0.847353890, 4.982640339, 22.239305260}},
             {"with labels",
              [&](double t) { return number(cross_entropy(z, y)) + 2.5 * soft(t); },
              {3.586060674, 13.924276796, 57.065939098}}});
}

TEST_CASE("the weights of weighted soft labels are constants in the gradient") {
  const Tensor w = tensor({3, 1}, {0.945810359, 0.929083659, 0.814705048});
  const Tensor dz = gradient(z, [](const Tensor& x) { return wsl_loss(x, v, y); });
  const Tensor expected = (softmax(z, 4) - softmax(v, 4)) * w * static_cast<real>(4.0 / 3);
  CHECK(difference(dz, expected) < tolerance);
  // A teacher that is sure of the labels has weights of 1: this is soft_ce then.
  Tensor sure = v.clone();
  for (std::size_t n = 0; n < 3; ++n) sure.values()[5 * n + static_cast<std::size_t>(y[n])] = 90;
  CHECK(number(wsl_loss(z, sure, y)) == near(number(soft_ce_loss(z, sure))));
}

// --- repair ---

TEST_CASE("an answer is made isotonic as worked: the label first, the sum kept") {
  check_near(isotonic(wrong_answer(), 0),
             {0.397717856, 0.053382168, 0.032377921, 0.397717856, 0.118804199});
  check_near(isotonic({.1, .3, .25, .2, .15}, 0),
             {0.216666667, 0.216666667, 0.216666667, 0.200000000, 0.150000000});
  check_near(isotonic({.05, .9, .02, .02, .01}, 0),
             {0.475000000, 0.475000000, 0.020000000, 0.020000000, 0.010000000});
  check_near(isotonic({.1, .3, .25, .2, .15}, 0, 3),
             {0.212500000, 0.212500000, 0.212500000, 0.212500000, 0.150000000});
  check_near(isotonic({.5, .2, .05, .15, .1}, 0, 3),
             {0.500000000, 0.175000000, 0.050000000, 0.175000000, 0.100000000});
  check_near(isotonic({.3, .1, .1, .4, .1}, 0, 3),
             {0.350000000, 0.100000000, 0.100000000, 0.350000000, 0.100000000});
}

TEST_CASE("no other answer with the label first is nearer than the isotonic one") {
  // x is the nearest of a convex set to p if no w of the set has (p − x) · (w − x) > 0.
  Rng rng(1);
  const auto random_answer = [&] {
    const Tensor p = softmax(uniform({1, 6}, -2, 2, rng));
    return Numbers(p.values().begin(), p.values().end());
  };
  const auto exchange = [](Numbers& w, std::size_t a, std::size_t b) {
    if (w[b] > w[a]) std::swap(w[a], w[b]);
  };
  for (int i = 0; i < 200; ++i) {
    const Numbers p = random_answer();
    const Numbers one = isotonic(p, 2), two = isotonic(p, 2, 4);
    for (std::size_t j = 0; j < 6; ++j) {
      CHECK(one[2] >= one[j]);
      CHECK(two[2] >= two[4]);
      if (j != 2) CHECK(two[4] >= two[j]);
    }
    for (int k = 0; k < 20; ++k) {
      Numbers w = random_answer();
      const auto angle = [&](const Numbers& x) {
        double product = 0;
        for (std::size_t j = 0; j < 6; ++j) product += (p[j] - x[j]) * (w[j] - x[j]);
        return product;
      };
      for (std::size_t j = 0; j < 6; ++j) exchange(w, 2, j);
      CHECK(angle(one) < 1e-12);
      for (std::size_t j = 0; j < 6; ++j) {
        if (j != 2) exchange(w, 4, j);
      }
      CHECK(angle(two) < 1e-12);
    }
  }
}

TEST_CASE("label and favourite change places, or the label is given its lead") {
  Numbers swapped = wrong_answer();
  CHECK(repair_row(swapped, 0, {.repair = Repair::swap}));
  check_near(swapped, {0.650327935, 0.053382168, 0.032377921, 0.145107776, 0.118804199});
  Numbers led = {.1, .5, .2, .15, .05};
  CHECK(repair_row(led, 0, {.repair = Repair::lead, .lead = 0.12}));
  // a = (0.12 + 0.4) / 1.4
  check_near(led, {.1 * .88 / 1.4 + .52 / 1.4, .5 * .88 / 1.4, .2 * .88 / 1.4, .15 * .88 / 1.4,
                   .05 * .88 / 1.4});
  CHECK(led[0] - led[1] == doctest::Approx(0.12));
}

TEST_CASE("a repaired row is learned at its worked distance, and only where it needs repair") {
  const std::vector<std::int32_t> label = {0};
  const auto of = [&](Repair how) {
    return number(repair_loss(row(z, 2), row(v, 2), label, {.temperature = 1, .repair = how}));
  };
  CHECK(number(kd_loss(row(z, 2), row(v, 2), {1})) == near(0.155484117));
  CHECK(of(Repair::isotonic) == near(0.714572305));
  CHECK(of(Repair::swap) == near(1.620622578));
  for (const Repair how : {Repair::isotonic, Repair::swap, Repair::lead}) {
    const RepairOptions options{.repair = how};
    const Tensor right = slice_rows(z, 0, 2), teacher = slice_rows(v, 0, 2);
    const auto ids = std::span(y).first(2);
    CHECK(number(repair_loss(right, teacher, ids, options)) == number(kd_loss(right, teacher)));
    Numbers alike = {.3, .3, .4, 0};
    CHECK_FALSE(repair_row(alike, 2, options));
    alike = {.4, .2, .4, 0};
    CHECK_FALSE(repair_row(alike, 2, options));
  }
}

TEST_CASE("the teacher's answer is not repaired in place") {
  const Tensor kept = v.clone();
  const RepairOptions options{.repair = Repair::swap};
  const double first = number(repair_loss(z, kept, y, options));
  CHECK(same_bits(kept, v));
  CHECK(number(repair_loss(z, kept, y, options)) == first);
}

// --- virtual teachers ---

TEST_CASE("a virtual teacher is softened as any other, and has its worked values") {
  const auto loss = [](double t) {
    return number(tf_kd_loss(z, y, {.temperature = t, .confidence = 0.99})) / (t * t);
  };
  CHECK(loss(1) == near(1.405728136));
  CHECK(loss(4) == near(0.227818451));
  CHECK(loss(20) == near(0.007126296));
  CHECK(0.9 * number(cross_entropy(z, y)) + 0.1 * loss(1) == near(1.461481167));
  // It says the same as a teacher of these logits.
  Tensor virtual_logits = Tensor::full({3, 5}, static_cast<real>(std::log(0.0025)));
  for (std::size_t n = 0; n < 3; ++n) {
    virtual_logits.values()[5 * n + static_cast<std::size_t>(y[n])] =
        static_cast<real>(std::log(0.99));
  }
  CHECK(off(softmax(virtual_logits), {0.002500000, 0.990000000, 0.002500000}) < tolerance);
  CHECK(off(softmax(virtual_logits, 20), {0.186964639, 0.252141444, 0.186964639}) < tolerance);
  CHECK(number(tf_kd_loss(z, y)) == near(number(kd_loss(z, virtual_logits, {20}))));
  // With a = 1 it is the label.
  CHECK(number(tf_kd_loss(z, y, {.temperature = 1, .confidence = 1})) == near(1.467675948));
}

TEST_CASE("a softmax of a virtual teacher's probabilities would be all but uniform") {
  Tensor probs = Tensor::full({3, 5}, static_cast<real>(0.0025));
  for (std::size_t n = 0; n < 3; ++n) {
    probs.values()[5 * n + static_cast<std::size_t>(y[n])] = static_cast<real>(0.99);
  }
  const Tensor p = softmax(probs, 20);
  CHECK(off(p, {0.197995719, 0.208017125, 0.197995719, 0.197995719, 0.197995719}) < tolerance);
  CHECK(kl(p, softmax(z)) == near(0.485423365));
  CHECK(kl(p, softmax(z)) / 5 == near(0.097084673));
  CHECK(0.9 * number(cross_entropy(z, y)) + 0.1 * 100 * kl(p, softmax(z)) / 5 == near(2.291755083));
  CHECK(std::abs(number(tf_kd_loss(z, y)) / 400 - 0.485423365) > 0.1);
}

TEST_CASE("smoothed labels have their worked values") {
  CHECK(number(cross_entropy(z, y, {.label_smoothing = 0.1})) == near(1.531009281));
  // ε / (C − 1) on the others is ε C / (C − 1) on all.
  CHECK(number(cross_entropy(z, y, {.label_smoothing = 0.1 * 5 / 4})) == near(1.546842614));
  const Tensor dz =
      gradient(z, [](const Tensor& x) { return cross_entropy(x, y, {.label_smoothing = 0.1}); });
  CHECK(off(dz, {0.062374645, -0.118992923, 0.035209006, 0.002677059, 0.018732213}) < tolerance);
  // (1 − ε) CE + ε (KL from the uniform answer + ln C)
  CHECK(0.9 * number(cross_entropy(z, y)) +
            0.1 * (number(kd_loss(z, Tensor::zeros({3, 5}), {1})) + std::log(5)) ==
        near(1.531009281));
}

// --- a temperature for each case ---

TEST_CASE("a temperature for each case has its worked values") {
  const auto loss = [](const Numbers& t) { return number(kd_by_case_loss(z, v, t)); };
  CHECK(loss({1, 2, 4}) == near(0.261778006));
  CHECK(loss({4, 2, 1}) == near(0.283552376));
  CHECK(loss({4, 4, 4}) == number(kd_loss(z, v)));
}

TEST_CASE("temperatures are made from agreement or confidence as worked") {
  check_near(case_temperatures(z, v), {4.110474802, 4.105499804, 3.784025394});
  const Numbers w = {0.004962810, 0.009937808, 0.331412219};
  // With T = 100 and β = −1 they are 100 − mean(w) + w.
  const Numbers t = case_temperatures(z, v, {.temperature = 100, .beta = -1});
  const double mean = (w[0] + w[1] + w[2]) / 3;
  for (std::size_t n = 0; n < 3; ++n) CHECK(t[n] - 100 + mean == near(w[n]));
  const CaseTemperatureOptions by_confidence{.rule = CaseRule::confidence};
  check_near(case_temperatures(z, v, by_confidence), {3.882955477, 3.882820629, 4.234223895});
  // Not below the least.
  check_near(case_temperatures(z, v, {.beta = 20, .least = 2}),
             {4 + 20 * (mean - w[0]), 4 + 20 * (mean - w[1]), 2});
  // No direction: w = 1.
  check_near(case_temperatures(Tensor::zeros({2, 5}), slice_rows(v, 0, 2)), {4, 4});
  CHECK(error_of([] { case_temperatures(z, v, {.beta = INFINITY}); }) ==
        "kd_by_case: beta must be finite; got inf");
}

TEST_CASE("a term of temperatures by case takes them as constants") {
  const Term term = kd_by_case();
  const Numbers t = case_temperatures(z, v);
  CHECK(number(value_of(term, z, v, y)) == number(kd_by_case_loss(z, v, t)));
  CHECK(difference(gradient(z, [&](const Tensor& x) { return value_of(term, x, v, y); }),
                   gradient(z, [&](const Tensor& x) { return kd_by_case_loss(x, v, t); })) == 0);
}

TEST_CASE("twice the deviation of each row, on each side, is a temperature by standardising") {
  const auto sigma = [](const Tensor& x) {
    const Tensor d = x - mean_last(x);
    return sqrt(sum_last(d * d) / real{4});
  };
  CHECK(off(sigma(z) * real{2}, {2.236067977, 2.012958022, 2.238749651}) < tolerance);
  CHECK(off(sigma(v) * real{2}, {4.381780460, 3.847076812, 2.291724242}) < tolerance);
}

// --- ensembles ---

TEST_CASE("two teachers' mean answers are the worked ones, and three readings of them") {
  const Tensor w = tensor({3, 5}, {0.5, 1, 0, 0, 0, 0, 0, 2, 0, 0, 1.5, 0, 0, 1, 0});
  Sequential a([](const Tensor&) { return v; }), b([w](const Tensor&) { return w; });
  const auto answer = [&](Averaging averaging, double t, std::vector<double> weights = {}) {
    Ensemble both({&a, &b}, {.averaging = averaging, .temperature = t, .weights = weights});
    return both(Tensor::zeros({3, 1}));
  };
  const auto logits = Averaging::logits, probabilities = Averaging::probabilities;
  const auto of_row_2 = [&](Averaging averaging, double t, std::vector<double> weights = {}) {
    return row(softmax(answer(averaging, t, weights), t), 2);
  };
  CHECK(off(of_row_2(logits, 1),
            {0.278880039, 0.079900469, 0.062226548, 0.459795452, 0.119197493}) < tolerance);
  CHECK(off(of_row_2(probabilities, 1),
            {0.292245156, 0.075710832, 0.065208708, 0.458413457, 0.108421847}) < tolerance);
  CHECK(off(of_row_2(logits, 2),
            {0.253458236, 0.135666417, 0.119725193, 0.325446817, 0.165703336}) < tolerance);
  CHECK(off(of_row_2(probabilities, 2),
            {0.254475526, 0.133357176, 0.120205727, 0.329362846, 0.162598725}) < tolerance);
  CHECK(off(of_row_2(logits, 4),
            {0.229325520, 0.167778135, 0.157612971, 0.259859858, 0.185423515}) < tolerance);
  CHECK(off(of_row_2(probabilities, 4),
            {0.229383834, 0.167044025, 0.157653050, 0.261180316, 0.184738775}) < tolerance);
  CHECK(off(of_row_2(logits, 2, {0.7, 0.3}),
            {0.229995286, 0.129419467, 0.108642081, 0.360704410, 0.171238756}) < tolerance);
  CHECK(off(of_row_2(probabilities, 2, {0.7, 0.3}),
            {0.231105392, 0.127578486, 0.109166457, 0.363633010, 0.168516654}) < tolerance);
  check_all({
      {"mean logits",
       [&](double t) { return number(kd_loss(z, answer(logits, t), {t})); },
       {0.163871022, 0.185145632, 0.182552615}},
      {"mean probabilities",
       [&](double t) { return number(kd_loss(z, answer(probabilities, t), {t})); },
       {0.171741108, 0.184082380, 0.181502394}},
      {"mean of both distances",
       [&](double t) { return (number(kd_loss(z, v, {t})) + number(kd_loss(z, w, {t}))) / 2; },
       {0.260186333, 0.329250979, 0.357428430}},
  });
  // The last two have one gradient.
  const auto of_mean = [&](const Tensor& x) {
    return kd_loss(x, answer(probabilities, 2), {2}) * real{2};
  };
  const auto of_both = [&](const Tensor& x) { return kd_loss(x, v, {2}) + kd_loss(x, w, {2}); };
  CHECK(difference(gradient(z, of_mean), gradient(z, of_both)) < 1e-6);
}
