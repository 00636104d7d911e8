// dist: worked numbers, correlations that are not there, what changes nothing.
#include "nn/distill/methods/dist.h"

#include "tests/nn/distill/methods/worked.h"

using namespace limbeck;
using namespace limbeck::testing;
using namespace limbeck::testing::worked;

namespace {

double inter(const Tensor& student, const Tensor& teacher, double t) {
  return number(dist_loss(student, teacher, {.temperature = t, .beta = 1, .gamma = 0}));
}

double intra(const Tensor& student, const Tensor& teacher, double t) {
  return number(dist_loss(student, teacher, {.temperature = t, .beta = 0, .gamma = 1}));
}

double both(double t) {
  return number(dist_loss(z, v, {.temperature = t}));
}

// The mean of 1 − r over rows of double precision, with 1e-8 in the denominator or without.
double one_minus_r(const Tensor& q, const Tensor& p, double epsilon) {
  double sum = 0;
  for (Index n = 0; n < q.dim(0); ++n) {
    const Tensor a = row(q, n) - mean_last(row(q, n)), b = row(p, n) - mean_last(row(p, n));
    const double norms = std::sqrt(number(limbeck::sum(a * a)) * number(limbeck::sum(b * b)));
    sum += 1 - number(limbeck::sum(a * b)) / (norms + epsilon);
  }
  return sum / static_cast<double>(q.dim(0));
}

}  // namespace

TEST_CASE("the parts of dist have their worked values") {
  check_all({
      {"between classes",
       [](double t) { return inter(z, v, t); },
       {0.023101284, 0.054501152, 0.082475340}},
      {"within classes",
       [](double t) { return intra(z, v, t); },
       {0.486185212, 0.309871630, 0.188528716}},
      {"both", both, {0.509286496, 0.364372782, 0.271004056}},
      {"times T²",
       [](double t) { return t * t * both(t); },
       {0.509286496, 1.457491128, 4.336064891}},
      {"row 0",
       [](double t) { return 1 - inter(row(z, 0), row(v, 0), t); },
       {0.979577526, 1 - one_minus_r(softmax(row(z, 0), 2), softmax(row(v, 0), 2), 1e-8),
        1 - one_minus_r(softmax(row(z, 0), 4), softmax(row(v, 0), 4), 1e-8)}},
  });
  CHECK(1 - inter(row(z, 1), row(v, 1), 1) == near(0.988867180));
  CHECK(1 - inter(row(z, 2), row(v, 2), 1) == near(0.962251441));
  CHECK(number(dist_loss(z, v)) == near(0.271004056));  // the defaults
}

TEST_CASE("dist adds 1e-8 to the norms, which is seen where answers hardly vary") {
  if (!in_double) return;
  const auto classes = [](const Tensor& x, double t) { return permute(softmax(x, t), {1, 0}); };
  check_all({
      {"between, without",
       [](double t) { return one_minus_r(softmax(z, t), softmax(v, t), 0); },
       {0.023101251, 0.054501035, 0.082474872}},
      {"within, without",
       [&](double t) { return one_minus_r(classes(z, t), classes(v, t), 0); },
       {0.486185212, 0.309871204, 0.188526680}},
      {"between",
       [](double t) { return one_minus_r(softmax(z, t), softmax(v, t), 1e-8); },
       {inter(z, v, 1), inter(z, v, 2), inter(z, v, 4)}},
      {"within",
       [&](double t) { return one_minus_r(classes(z, t), classes(v, t), 1e-8); },
       {intra(z, v, 1), intra(z, v, 2), intra(z, v, 4)}},
  });
  CHECK(std::abs(intra(z, v, 4) - 0.188526680) > 2e-6);
}

TEST_CASE("dist has its worked gradient") {
  struct Case {
    double t;
    std::vector<double> dz;
  };
  const std::vector<Case> cases = {
      {1,
       {-0.142497224, -0.074104394, -0.002167817, -0.005204158, 0.223973593,  //
        0.129711000, -0.022548502, -0.167737773, -0.034925888, 0.095501162,   //
        -0.002925209, 0.052601279, 0.035389527, 0.238454843, -0.323520441}},
      {4,
       {-0.114237821, -0.025152267, 0.000711878, -0.002672710, 0.141350920,  //
        0.122978031, -0.027187652, -0.050094906, -0.051219976, 0.005524503,  //
        -0.033410271, 0.088498932, 0.082354444, 0.037687613, -0.175130717}}};
  for (const Case& c : cases) {
    const auto loss = [&](const Tensor& x) { return dist_loss(x, v, {.temperature = c.t}); };
    CHECK(off(gradient(z, loss), c.dz) < tolerance);
  }
}

TEST_CASE("what does not vary has no correlation, and no pull") {
  const auto dz = [](const Tensor& x, const Tensor& teacher, const DistOptions& options) {
    return gradient(x, [&](const Tensor& s) { return dist_loss(s, teacher, options); });
  };
  const Tensor none = Tensor::zeros({1, 5}), rows_alike = concat_rows({row(z, 0), row(z, 0)});
  // One image: no column varies.
  CHECK(intra(row(z, 0), row(v, 0), 1) == 1);
  CHECK(difference(dz(row(z, 0), row(v, 0), {.beta = 0}), none) == 0);
  CHECK(std::isnan(intra(tensor({1, 2}, {NAN, 0}), tensor({1, 2}, {1, 0}), 1)));
  // The same image twice, for one of the two.
  const Tensor two = slice_rows(z, 1, 3);
  CHECK(intra(rows_alike, two, 1) == 1);
  CHECK(difference(dz(rows_alike, two, {.beta = 0}), Tensor::zeros({2, 5})) == 0);
  CHECK(intra(two, rows_alike, 1) == 1);
  CHECK(difference(dz(two, rows_alike, {.beta = 0}), Tensor::zeros({2, 5})) == 0);
  // A row that is constant, of sizes whose mean is rounded.
  for (const Index classes : {3, 5, 7, 10}) {
    CAPTURE(classes);
    const Tensor flat = Tensor::full({1, classes}, static_cast<real>(0.1));
    const Tensor other = random_tensor({1, classes}, 1);
    CHECK(inter(flat, other, 1) == 1);
    CHECK(difference(dz(flat, other, {}), Tensor::zeros({1, classes})) == 0);
    CHECK(inter(other, flat, 1) == 1);
  }
}

TEST_CASE("with two classes dist knows only which is the first") {
  const Tensor theirs = tensor({1, 2}, {3, -1});
  CHECK(inter(tensor({1, 2}, {0.2, 0.1}), theirs, 1) ==
        doctest::Approx(0.000000415).epsilon(2e-3).scale(0));
  CHECK(inter(tensor({1, 2}, {0.1, 0.2}), theirs, 1) == near(1.999999585));
}

TEST_CASE("a student whose answers are the teacher's scaled and shifted is at no distance") {
  // q = ¼ p + ¾ · ⅕ in each row: its logits are ln q.
  const Tensor p = softmax(v), q = p * real{0.25} + static_cast<real>(0.15);
  CHECK(inter(log(q), v, 1) < 1e-5);
  // Of the ε alone, where both are the same.
  CHECK(number(dist_loss(v, v, {.temperature = 1})) < 1e-5);
  // By (z, v, T) → (2z, 2v, 2T) nothing changes.
  CHECK(number(dist_loss(z * real{2}, v * real{2}, {.temperature = 4})) == near(both(2)));
}
