// Soft targets, the other divergences, least squares on logits, labels and decisions: worked
// numbers, the limit of a high temperature, and the numbers of forms that are wrong.
#include "nn/distill/methods/kd.h"

#include "nn/distill/distillation_loss.h"
#include "nn/distill/distiller.h"
#include "nn/distill/methods/divergences.h"
#include "nn/distill/methods/labels.h"
#include "nn/distill/methods/mse_logits.h"
#include "nn/distill/methods/rows.h"
#include "nn/losses.h"
#include "tests/nn/distill/methods/worked.h"

using namespace limbeck;
using namespace limbeck::testing;
using namespace limbeck::testing::worked;

TEST_CASE("softened answers are the worked ones, and their logarithms are theirs") {
  struct Case {
    const Tensor& logits;
    double t;
    std::vector<double> probs;
  };
  const std::vector<Case> cases = {
      {z,
       1,
       {0.207123936, 0.563021232, 0.125627018, 0.028031177, 0.076196638, 0.153429537, 0.076190853,
        0.562978489, 0.169565862, 0.037835258, 0.038616484, 0.116010330, 0.085942566, 0.701821596,
        0.057609025}},
      {v,
       1,
       {0.111131098, 0.821153919, 0.040882846, 0.002035437, 0.024796700, 0.066065775, 0.014741267,
        0.804845901, 0.108924048, 0.005423009, 0.145107776, 0.053382168, 0.032377921, 0.650327935,
        0.118804199}},
      {z,
       2,
       {0.227172970, 0.374544907, 0.176922487, 0.083572265, 0.137787371, 0.193495258, 0.136353803,
        0.370648066, 0.203415972, 0.096086901, 0.102990908, 0.178509301, 0.153644380, 0.439062033,
        0.125793379}},
      {v,
       2,
       {0.202736360, 0.551094564, 0.122965818, 0.027437383, 0.095765876, 0.153063418, 0.072302039,
        0.534243822, 0.196537319, 0.043853403, 0.196050191, 0.118910451, 0.092607553, 0.415038257,
        0.177393548}},
      {z,
       4,
       {0.219690713, 0.282088460, 0.193876374, 0.133249153, 0.171095300, 0.201877832, 0.169467764,
        0.279405106, 0.206988394, 0.142260904, 0.149079387, 0.196267587, 0.182085975, 0.307808848,
        0.164758203}},
      {v,
       4,
       {0.223080299, 0.367797235, 0.173735112, 0.082066656, 0.153320698, 0.191426207, 0.131565180,
        0.357631238, 0.216914310, 0.102463065, 0.205241418, 0.159842177, 0.141060226, 0.298624502,
        0.195231676}}};
  for (const Case& c : cases) {
    CHECK(off(softmax(c.logits, c.t), c.probs) < tolerance);
    detail::Softened soft;
    for (std::size_t n = 0; n < 3; ++n) {
      const auto logits = c.logits.values().subspan(5 * n, 5);
      const std::vector<double> x(logits.begin(), logits.end());
      soft.set(x, c.t);
      for (std::size_t j = 0; j < 5; ++j) {
        CHECK(soft.probs[j] == near(c.probs[5 * n + j]));
        CHECK(std::exp(soft.log_probs[j]) == doctest::Approx(soft.probs[j]).epsilon(1e-14));
      }
      const double log_sum = soft.set(x, c.t, 1);  // ln Σ exp of all but class 1
      CHECK(soft.probs[1] == 0);
      CHECK(soft.probs[0] == near(c.probs[5 * n] / (1 - c.probs[5 * n + 1])));
      CHECK(log_sum == doctest::Approx(x[0] / c.t - soft.log_probs[0]));
    }
  }
}

TEST_CASE("soft targets, cross-entropies and divergences have their worked values") {
  const auto of_row = [](Index n) {
    return [n](double t) { return number(kd_loss(row(z, n), row(v, n), {t})) / (t * t); };
  };
  const auto total = [](double alpha) {
    return [alpha](double t) {
      return alpha * number(cross_entropy(z, y)) + (1 - alpha) * number(kd_loss(z, v, {t}));
    };
  };
  check_all({
      {"T² KL",
       [](double t) { return number(kd_loss(z, v, {t})); },
       {0.155385469, 0.294220090, 0.360282951}},
      {"KL",
       [](double t) { return number(kd_loss(z, v, {t})) / (t * t); },
       {0.155385469, 0.073555022, 0.022517684}},
      {"row 0", of_row(0), {0.161636501, 0.079621683, 0.025345089}},
      {"row 1", of_row(1), {0.149035790, 0.072412895, 0.021330093}},
      {"row 2", of_row(2), {0.155484117, 0.068630489, 0.020877871}},
      {"cross-entropy",
       [](double t) { return number(soft_ce_loss(z, v, {t})) / (t * t); },
       {0.957935510, 1.395788235, 1.552357639}},
      {"entropy of p",
       [](double t) { return number(soft_ce_loss(v, v, {t})) / (t * t); },
       {0.802550041, 1.322233212, 1.529839954}},
      {"L, alpha = 0.1", total(0.1), {0.286614517, 0.411565676, 0.471022251}},
      {"L, alpha = 0.5", total(0.5), {0.811530708, 0.880948019, 0.913979450}},
      {"reverse",
       [](double t) { return number(reverse_kd_loss(z, v, {t})) / (t * t); },
       {0.184309656, 0.077659257, 0.022848957}},
      {"Jensen-Shannon",
       [](double t) { return number(js_loss(z, v, {t})) / (t * t); },
       {0.040029561, 0.018598112, 0.005647284}},
  });
  CHECK(number(cross_entropy(z, y)) == near(1.467675948));
  CHECK(number(cross_entropy(v, y)) == near(0.781475895));
  const std::vector<double> of_student = {0.574437940, 0.574513859, 3.254076044};
  const std::vector<double> of_teacher = {0.197044710, 0.217104447, 1.930278527};
  for (std::size_t n = 0; n < 3; ++n) {
    const std::vector<std::int32_t> label = {y[n]};
    CHECK(number(cross_entropy(row(z, static_cast<Index>(n)), label)) == near(of_student[n]));
    CHECK(number(cross_entropy(row(v, static_cast<Index>(n)), label)) == near(of_teacher[n]));
  }
}

TEST_CASE(
    "a sum of labels and soft targets has the worked gradient, that of the one loss of both") {
  struct Case {
    double t;
    std::vector<double> dz;
  };
  const std::vector<Case> cases = {
      {1,
       {0.035701983, -0.092005765, 0.029610819, 0.008733094, 0.017959869,  //
        0.031323447, 0.020974571, -0.087127607, 0.023844740, 0.010984850,  //
        -0.063993505, 0.022655460, 0.018934146, 0.038842151, -0.016438251}},
      {2,
       {0.021566097, -0.120495753, 0.036561568, 0.034615302, 0.027752785,  //
        0.029373422, 0.040970754, -0.112724837, 0.009779387, 0.032601274,  //
        -0.087881687, 0.039626321, 0.039486848, 0.037808319, -0.029039801}},
      {4,
       {0.002836628, -0.117416489, 0.028357082, 0.062353369, 0.023869410,   //
        0.017656268, 0.048022796, -0.108438741, -0.006258905, 0.049018582,  //
        -0.099440554, 0.047577502, 0.052095650, 0.034415268, -0.034647867}}};
  for (const Case& c : cases) {
    CAPTURE(c.t);
    const auto summed = [&](const Tensor& x) {
      return cross_entropy(x, y) * static_cast<real>(0.1) +
             kd_loss(x, v, {c.t}) * static_cast<real>(0.9);
    };
    const DistillationOptions options{.temperature = c.t, .alpha = 0.1};
    const auto at_once = [&](const Tensor& x) { return distillation_loss(x, v, y, options).total; };
    CHECK(off(gradient(z, at_once), c.dz) < tolerance);
    CHECK(off(gradient(z, summed), c.dz) < tolerance);
    CHECK(difference(gradient(z, [&](const Tensor& x) { return soft_ce_loss(x, v, {c.t}); }),
                     gradient(z, [&](const Tensor& x) { return kd_loss(x, v, {c.t}); })) == 0);
  }
}

TEST_CASE("at a high temperature soft targets become least squares without the rows' means") {
  const Tensor centred_z = z - mean_last(z), centred_v = v - mean_last(v);
  const double limit = number(mse_logits_loss(centred_z, centred_v)) / 2;
  CHECK(limit == near(0.398666667));
  CHECK(number(kd_loss(z, v, {20})) == near(0.394021272));
  CHECK(number(kd_loss(z, v, {100})) == near(0.397870057));
  CHECK(number(kd_loss(z, v, {1000})) == near(0.398590018));
}

TEST_CASE("least squares on logits have their worked values, for shrunk teachers, too") {
  CHECK(number(mse_logits_loss(z, v)) == near(0.995333333));
  CHECK(number(mse_logits_loss(z, v)) * 5 == near(4.976666667));  // summed over classes
  const std::vector<double> by_tau = {0.995333333, 0.403666667, 0.217333333, 0.436333333};
  const std::vector<double> summed = {4.976666667, 2.018333333, 1.086666667, 2.181666667};
  const Varying phi = [](double done) { return 1 - (4 - std::round(3 * done) - 1) / 4; };
  for (std::size_t tau = 1; tau <= 4; ++tau) {
    const double shrunk = 1 - static_cast<double>(tau - 1) / 4;  // Φ(τ), τ_max = 4
    CHECK(number(mse_logits_loss(z, v, {shrunk})) == near(by_tau[tau - 1]));
    CHECK(number(mse_logits_loss(z, v, {shrunk})) * 5 == near(summed[tau - 1]));
  }
  CHECK(number(mse_logits_loss(z, v, {phi}, 1)) == near(by_tau[0]));  // at the end τ is 1
  CHECK(number(mse_logits_loss(z, v, {phi}, 0)) == near(by_tau[3]));
}

TEST_CASE("decisions of the teacher are labels") {
  CHECK(argmax_last(v) == std::vector<std::int32_t>{1, 2, 3});
  CHECK(number(hard_kd_loss(z, v)) == near(0.501009281));
  CHECK((number(cross_entropy(z, y)) + number(hard_kd_loss(z, v))) / 2 == near(0.984342614));
  CHECK(number(hard_kd_loss(z, v * real{7})) == number(hard_kd_loss(z, v)));
}

TEST_CASE("what divides by N C, sums over the batch or exchanges the two is seen by its numbers") {
  check_all({
      {"by N C",
       [](double t) { return number(kd_loss(z, v, {t})) / (t * t) / 5; },
       {0.031077094, 0.014711004, 0.004503537}},
      {"summed",
       [](double t) { return number(kd_loss(z, v, {t})) / (t * t) * 3; },
       {0.466156408, 0.220665067, 0.067553053}},
      {"exchanged",
       [](double t) { return number(kd_loss(v, z, {t})) / (t * t); },
       {0.184309656, 0.077659257, 0.022848957}},
      {"of clipped logits",  // which are no probabilities
       [](double t) {
         const auto scaled = static_cast<real>(1 / t);
         const Tensor p = clamp(v * scaled, 1e-7, 1), q = clamp(z * scaled, 1e-7, 1);
         return number(sum(p * (log(p) - log(q)))) / 3;
       },
       {12.967264672, 6.544868564, 3.522601454}},
  });
}

TEST_CASE("logarithms are taken before they underflow") {
  const Tensor sure = tensor({1, 3}, {100, 0, -100}), flat = Tensor::zeros({1, 3});
  CHECK(number(kd_loss(sure, flat, {1})) == near(98.901387711));
  CHECK(number(reverse_kd_loss(flat, sure, {1})) == near(98.901387711));
  CHECK(number(js_loss(sure, tensor({1, 3}, {-100, 0, 100}), {.temperature = 1})) ==
        near(std::log(2)));
}

TEST_CASE("the generalised Jensen-Shannon divergence is what its definition says, at every share") {
  for (const double beta : {0.1, 0.5, 0.8}) {
    for (const double t : {1.0, 3.0}) {
      const Tensor p = softmax(v, t), q = softmax(z, t), log_p = log(p), log_q = log(q);
      const auto b = static_cast<real>(beta), rest = static_cast<real>(1 - beta);
      const Tensor log_m = log(p * b + q * rest);
      const Tensor all = sum(p * (log_p - log_m)) * b + sum(q * (log_q - log_m)) * rest;
      CHECK(number(js_loss(z, v, {.temperature = t, .beta = beta})) ==
            doctest::Approx(t * t * number(all) / 3).epsilon(in_double ? 1e-12 : 1e-4));
    }
  }
  // Near 0 and 1 it is that share of one of the other two.
  CHECK(number(js_loss(z, v, {.temperature = 2, .beta = 1e-4})) / 1e-4 ==
        doctest::Approx(number(kd_loss(z, v, {2}))).epsilon(1e-3));
  CHECK(number(js_loss(z, v, {.temperature = 2, .beta = 1 - 1e-4})) / 1e-4 ==
        doctest::Approx(number(reverse_kd_loss(z, v, {2}))).epsilon(1e-3));
  for (const double beta : {0.0, 1.0, -1.0, double{NAN}}) {
    CHECK(contains(error_of([&] { js_loss(z, v, {.beta = beta}); }), "must be in (0, 1); got"));
  }
}

TEST_CASE("a temperature may change in the course of a training") {
  const KdOptions falling{[](double done) { return 4 - 3 * done; }};
  CHECK(number(kd_loss(z, v, falling, 0)) == number(kd_loss(z, v, {4})));
  CHECK(number(kd_loss(z, v, falling, 1)) == number(kd_loss(z, v, {1})));
  const TemperatureSchedule geometric = anneal_temperature(4, 1);
  const std::vector<double> steps = {4.000000000, 2.519842100, 1.587401052, 1.000000000};
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(geometric(static_cast<double>(i) / 3) == doctest::Approx(steps[i]).epsilon(1e-9));
  }
}
