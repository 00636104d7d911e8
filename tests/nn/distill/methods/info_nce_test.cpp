// InfoNCE: the worked similarities and losses, labels as a mask, its edges and its term.
#include "nn/distill/methods/info_nce.h"

#include <vector>

#include "tests/nn/distill/methods/worked.h"

using namespace limbeck;
using namespace limbeck::testing;
using worked::gradient;
using worked::near;
using worked::off;
using worked::student_features;
using worked::teacher_features;
using worked::tolerance;

namespace {

// The teacher's features projected to two, by P = [[1, 0, ½], [0, 1, −½]].
const Tensor projected = Tensor::from({3, 2}, {1, 2, real(-0.5), real(1.5), real(2.5), real(-0.5)});

double loss(double temperature, bool both = false) {
  return info_nce_loss(student_features, projected, {.temperature = temperature, .both = both})
      .item();
}

}  // namespace

TEST_CASE("InfoNCE has its worked values, in one direction and in both, and its gradient") {
  CHECK(off(matmul(detail::unit_rows(student_features), detail::unit_rows(projected), {.b = true}),
            {0.447213595, -0.316227766, 0.980580676, 0.894427191, 0.948683298, -0.196116135,
             0.316227766, 0.894427191, -0.832050294}) < tolerance);
  CHECK(loss(1) == near(1.417142512));
  CHECK(loss(0.1) == near(7.688189278));
  CHECK(loss(0.07) == near(10.887711327));
  CHECK(2 * loss(1, true) - loss(1) == near(1.412165738));  // from teacher to student
  CHECK(2 * loss(0.1, true) - loss(0.1) == near(7.690359085));
  CHECK(loss(1, true) == near(1.414654125));
  CHECK(loss(0.1, true) == near(7.689274182));
  CHECK(loss(0.07, true) == near(10.887909299));
  CHECK(off(gradient(
                student_features,
                [](const Tensor& f) { return info_nce_loss(f, projected, {.temperature = 0.1}); }),
            {0.000000000, -3.617675493, 0.467736341, 0.000000000, -0.176575894, -0.176575894}) <
        tolerance);
}

TEST_CASE("InfoNCE's gradients are those of differences, on both sides, with a mask and without") {
  const std::vector<std::int32_t> labels = {1, 0, 1, 1, -1};
  for (const bool both : {false, true}) {
    for (const bool masked : {false, true}) {
      const auto f = [&](const std::vector<Tensor>& x) {
        return info_nce_loss(x[0], x[1],
                             {.temperature = 0.5, .both = both, .mask_same_class = masked}, labels);
      };
      CHECK(gradient_error(f, {random_tensor({5, 4}, 1), random_tensor({5, 4}, 2)}) <
            (worked::in_double ? 1e-6 : 0.1));
    }
  }
}

TEST_CASE("images of one class are no negatives where they are masked") {
  // By hand: with labels 0, 0, 1 image 0 has the one negative 2, and image 2 has 0 and 1.
  const InfoNceOptions options{.temperature = 1, .mask_same_class = true};
  const auto masked = [&](const std::vector<std::int32_t>& labels) {
    return static_cast<double>(info_nce_loss(student_features, projected, options, labels).item());
  };
  const double s[3][3] = {{0.447213595, -0.316227766, 0.980580676},
                          {0.894427191, 0.948683298, -0.196116135},
                          {0.316227766, 0.894427191, -0.832050294}};
  double sum = 0;
  sum += std::log(1 + std::exp(s[0][2] - s[0][0])) + std::log(1 + std::exp(s[1][2] - s[1][1]));
  sum += std::log(1 + std::exp(s[2][0] - s[2][2]) + std::exp(s[2][1] - s[2][2]));
  CHECK(masked({0, 0, 1}) == near(sum / 3));
  CHECK(masked({0, 1, 2}) == near(loss(1)));
  CHECK(masked({-1, -1, -1}) == near(loss(1)));  // no label is no class
  CHECK(masked({4, 4, 4}) == 0);                 // no negatives are left
}

TEST_CASE("InfoNCE of one image, and of features that are 0, is a number") {
  const Tensor one = Tensor::from({1, 2}, {3, 4});
  const auto alone = [&](const Tensor& f) { return info_nce_loss(f, one, {}); };
  CHECK(alone(one).item() == 0);
  CHECK(off(gradient(one, alone), {0, 0}) == 0);
  const Tensor none = Tensor::zeros({3, 2});
  const auto dead = [](const Tensor& f) { return info_nce_loss(f, projected, {}); };
  CHECK(dead(none).item() == near(std::log(3.0)));  // all alike
  CHECK(off(gradient(none, dead), {0, 0, 0, 0, 0, 0}) == 0);
}

TEST_CASE("InfoNCE does not see in which order images come, nor how long features are") {
  const std::vector<Index> turned = {2, 0, 1};
  CHECK(info_nce_loss(gather_rows(student_features, turned), gather_rows(projected, turned), {})
            .item() == near(loss(0.1)));
  CHECK(info_nce_loss(student_features * 3, projected * 7, {}).item() == near(loss(0.1)));
}

TEST_CASE("InfoNCE refuses two widths, temperatures that are none, too few labels") {
  CHECK(error_of([] { info_nce_loss(student_features, teacher_features, {}); }) ==
        "info_nce_loss: both sides must be projected to one width (N, D); got (3, 2) and (3, 3)");
  CHECK(contains(error_of([] { loss(0); }), "must be a positive number; got 0"));
  const std::vector<std::int32_t> two = {0, 1};
  CHECK(error_of([&] {
          info_nce_loss(student_features, projected, {.mask_same_class = true}, two);
        }) == "info_nce_loss: 2 labels for 3 images");
  CHECK(error_of([] { info_nce({"7"}, {.width = 0}); }) ==
        "info_nce: the width must be at least 1; got 0");
}

TEST_CASE("InfoNCE's term owns two projections, which the run's seed makes and which learn") {
  const Term term = info_nce({"7", "9"}, {.both = true, .width = 4});
  CHECK(term.description == "info-nce(7, 9, T=0.1, width=4, both)");
  REQUIRE(term.modules.size() == 2);
  const std::vector<Tensor> mine = {worked::student_maps.clone().requires_grad()};
  const std::vector<Tensor> its = {teacher_features};
  const Tensor none;
  const Batch batch;
  const auto value = [&](std::uint64_t seed) {
    Rng rng(seed);
    term.prepare({.classes = 5, .student_taps = {{2, 2, 2}}, .teacher_taps = {{3}}}, rng);
    return term.value({.batch = batch,
                       .student = none,
                       .teacher = none,
                       .done = 0,
                       .epoch = 1,
                       .student_taps = mine,
                       .teacher_taps = its});
  };
  CHECK(value(1).item() == value(1).item());
  CHECK(value(1).item() != value(2).item());
  value(1).backward();
  CHECK(mine[0].has_grad());
  CHECK(term.modules[0]->parameter_count() == 8 * 4 + 4);
  CHECK(term.modules[1]->parameter_count() == 3 * 4 + 4);
  for (const auto& module : term.modules) {
    for (const Tensor& parameter : module->parameters()) CHECK(parameter.has_grad());
  }
}
