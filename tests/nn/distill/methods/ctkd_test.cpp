// Curriculum temperature: the slope of the loss by T, the curriculum's factor, the way of T under
// an optimizer, the term.
#include "nn/distill/methods/ctkd.h"

#include <vector>

#include "nn/distill/methods/kd.h"
#include "optim/sgd.h"
#include "tests/nn/distill/methods/worked.h"

using namespace limbeck;
using namespace limbeck::testing;
using worked::gradient;
using worked::near;
using worked::off;
using worked::v;
using worked::z;

namespace {

Tensor scalar(double x) {
  return Tensor::scalar(static_cast<real>(x));
}

double loss_at(double t) {
  return ctkd_loss(z, v, scalar(t)).item();
}

// d(T² KL)/dT
double slope_at(double t) {
  return gradient(scalar(t), [](const Tensor& x) { return ctkd_loss(z, v, x); }).item();
}

double loss_of(LearnedTemperature& learned, double factor) {
  return ctkd_loss(z, v, learned(scalar(factor))).item();
}

}  // namespace

TEST_CASE("the loss and its slope by T have their worked values") {
  const double top = 15.621171573;
  CHECK(loss_at(1) == near(0.155385469));
  CHECK(loss_at(2) == near(0.294220090));
  CHECK(loss_at(4) == near(0.360282951));
  CHECK(loss_at(top) == near(0.392426056));
  CHECK(slope_at(1) == near(0.232959851));
  CHECK(slope_at(2) == near(0.073139300));
  CHECK(slope_at(4) == near(0.013848662));
  CHECK(slope_at(top) == near(0.000484833));
  // Without the factor T²: (slope − 2 T KL) / T².
  const auto of_kl = [](double t) { return (slope_at(t) - 2 * loss_at(t) / t) / (t * t); };
  CHECK(of_kl(1) == near(-0.077811087));
  CHECK(of_kl(2) == near(-0.055270197));
  CHECK(of_kl(4) == near(-0.010393301));
  CHECK(of_kl(top) == near(-0.000203909));
}

TEST_CASE("its gradients, by logits and by T, are those of differences; by logits kd's") {
  const auto loss = [](const std::vector<Tensor>& x) { return ctkd_loss(x[0], v, x[1]); };
  for (const double t : {1.0, 2.0, 8.0}) {
    CHECK(gradient_error(loss, {z, scalar(t)}) < (worked::in_double ? 1e-6 : 0.05));
  }
  const Tensor by_t =
      gradient(z, [](const Tensor& x) { return ctkd_loss(x, v, scalar(4).requires_grad()); });
  CHECK(same_bits(by_t, gradient(z, [](const Tensor& x) { return kd_loss(x, v); })));
  // Logits far from 0 leave the slope its digits.
  CHECK(gradient(scalar(4), [](const Tensor& x) { return ctkd_loss(z + 64, v - 64, x); }).item() ==
        doctest::Approx(slope_at(4)).epsilon(1e-4));
}

TEST_CASE("a student like its teacher moves nothing") {
  const Tensor at = z.clone().requires_grad(), t = scalar(4).requires_grad();
  const Tensor loss = ctkd_loss(at, z, t);
  loss.backward();
  CHECK(loss.item() == 0);
  CHECK(off(at.grad(), std::vector<double>(15, 0)) == 0);
  CHECK(t.grad().item() == doctest::Approx(0).epsilon(1e-12));
}

TEST_CASE("a scaled gradient is that of x, times the factor, and x is passed on") {
  for (const double factor : {-1.0, 0.0, 0.5}) {
    const Tensor x = Tensor::from({3}, {1, 2, 3}).requires_grad();
    const Tensor y = scale_gradient(x, factor);
    CHECK(same_bits(y, x));
    sum(y * Tensor::from({3}, {5, 6, 7})).backward();
    CHECK(off(x.grad(), {5 * factor, 6 * factor, 7 * factor}) == 0);
  }
}

TEST_CASE("the curriculum goes from 0 to −1 in half a cosine and stays there") {
  const std::vector<std::pair<Index, double>> worked = {
      {0, 0},   {1, -0.024471742}, {2, -0.095491503}, {5, -0.5}, {9, -0.975528258},
      {10, -1}, {11, -1}};
  for (const auto& row : worked) CHECK(curriculum_factor(row.first, 10) == near(row.second));
  CHECK(error_of([] { curriculum_factor(1, 0); }) ==
        "curriculum_factor: epochs must be at least 1; got 0");
}

TEST_CASE("T is 1 + 20 σ(g), and its gradient is turned by the factor") {
  LearnedTemperature learned({});
  CHECK(learned.temperature() == near(15.621171573));
  CHECK(LearnedTemperature({.start = 0}).temperature() == near(11));
  CHECK(LearnedTemperature({.start = -2}).temperature() == near(3.384058440));
  CHECK(learned(scalar(0)).item() == near(15.621171573));
  const auto slope = [&](double factor) {
    learned.zero_grad();
    ctkd_loss(z, v, learned(scalar(factor))).backward();
    return static_cast<double>(learned.g.grad().item());
  };
  CHECK(slope(1) == near(0.001906479));
  CHECK(slope(1) == near(0.000484833 * 3.932238665));
  CHECK(slope(-1) == near(-0.001906479));
  CHECK(slope(0) == 0);
}

TEST_CASE("descent with a negative factor takes T to where the loss is larger") {
  LearnedTemperature learned({.start = -2});
  Sgd sgd(learned.parameters(), {.lr = 1});
  double before = loss_of(learned, 0);
  for (int step = 0; step < 20; ++step) {
    sgd.zero_grad();
    ctkd_loss(z, v, learned(scalar(-1))).backward();
    sgd.step();
    const double now = loss_of(learned, 0);
    CHECK(now > before);
    before = now;
  }
  CHECK(learned.temperature() < 21);
}

TEST_CASE("CTKD refuses temperatures that are none, and options out of range") {
  CHECK(contains(error_of([] { loss_at(0); }), "ctkd_loss: the temperature must be a positive"));
  CHECK(contains(error_of([] {
                   ctkd_loss(z, Tensor::zeros({3, 4}), scalar(1));
                 }),
                 "both need the same cases and classes"));
  CHECK(error_of([] { ctkd({.lowest = 0}); }) ==
        "ctkd: T goes from `lowest`, above 0, by a `range` of at least 0, in 1 or more `epochs`; "
        "got 0, 20 and 10");
}

TEST_CASE("CTKD's term owns g, which begins anew for each training and is turned by the epoch") {
  const Term term = ctkd();
  CHECK(term.description == "ctkd(g=1, T=1…21, epochs=10)");
  REQUIRE(term.modules.size() == 1);
  auto& learned = dynamic_cast<LearnedTemperature&>(*term.modules[0]);
  const Batch batch;
  const auto backward = [&](Index epoch) {
    learned.zero_grad();
    const Tensor loss = term.value({.batch = batch,
                                    .student = z,
                                    .teacher = v,
                                    .done = 0,
                                    .epoch = epoch,
                                    .student_taps = {},
                                    .teacher_taps = {}});
    CHECK(loss.item() == near(0.392426056));
    loss.backward();
    return static_cast<double>(learned.g.grad().item());
  };
  CHECK(backward(10) == near(-0.001906479));
  CHECK(backward(5) == near(-0.001906479 / 2));
  *learned.g.data() = 3;
  Rng rng(1);
  term.prepare({.classes = 5, .student_taps = {}, .teacher_taps = {}}, rng);
  CHECK(learned.g.item() == 1);
}
