// The losses on features, all by the same tests: worked numbers, gradients against differences,
// what leaves them as they are, rows that are equal or 0, errors.
#include <functional>
#include <string>
#include <vector>

#include "nn/distill/methods/attention.h"
#include "nn/distill/methods/pkt.h"
#include "nn/distill/methods/rkd.h"
#include "nn/distill/methods/similarity.h"
#include "tests/nn/distill/methods/worked.h"

using namespace limbeck;
using namespace limbeck::testing;
using worked::gradient;
using worked::near;
using worked::off;
using worked::student_features;
using worked::student_maps;
using worked::teacher_features;
using worked::teacher_maps;
using worked::tolerance;

namespace {

using FeatureLoss = std::function<Tensor(const Tensor& student, const Tensor& teacher)>;

FeatureLoss attention(double power) {
  return
      [power](const Tensor& s, const Tensor& t) { return attention_loss(s, t, {.power = power}); };
}

// A loss with one of its worked numbers.
struct Case {
  std::string name;
  FeatureLoss loss;
  Tensor student, teacher;
  double value;                    // printed to 9 decimals
  std::vector<double> gradient{};  // its first elements
  bool relates_images = true;      // to one another
};

const std::vector<Case> cases = {
    {"rkd-distance",
     rkd_distance_loss,
     student_features,
     teacher_features,
     0.052241219,
     {0.021566978, -0.036746786, -0.065903667, -0.013977074, 0.044336690, 0.050723860}},
    {"rkd-angle",
     rkd_angle_loss,
     student_features,
     teacher_features,
     0.035498291,
     {0.007419977, -0.017503271, -0.029964895, -0.002378330, 0.022544918, 0.019881601}},
    {"at",
     attention(2),
     student_maps,
     teacher_maps,
     0.099778081,
     {-0.050152395, 0.000000000, 0.039993150, 0.010519032, -0.025076198, -0.004147017, 0.000000000,
      0.005259516},
     false},
    {"at, p = 1", attention(1), student_maps, teacher_maps, 0.017497579, {}, false},
    {"at, p = 4", attention(4), student_maps, teacher_maps, 0.274540930, {}, false},
    {"sp",
     similarity_loss,
     student_maps,
     teacher_maps,
     0.033718994,
     {-0.034722740, -0.007824065, 0.004512122, 0.002718276, -0.025893639, 0.034968728, 0.004620236,
      -0.007173130}},
    {"sp of rows", similarity_loss, student_features, teacher_features, 0.404080791},
    {"pkt", pkt_loss, student_features, teacher_features, 0.073283166, {0.000000000, -0.143801768}},
};

double value(const Case& c) {
  return static_cast<double>(c.loss(c.student, c.teacher).item());
}

Tensor gradient_of(const Case& c, const Tensor& at) {
  return gradient(at, [&](const Tensor& f) { return c.loss(f, c.teacher); });
}

double largest(const Tensor& x) {
  double most = 0;
  for (const real v : x.values()) {
    const double size = std::abs(static_cast<double>(v));
    if (std::isnan(size)) return size;
    most = std::max(most, size);
  }
  return most;
}

// Random features of the shape of x, none of them near 0, where AT with p = 1 has a kink.
Tensor other_features(const Tensor& x, std::uint64_t seed) {
  Tensor f = random_tensor(x.shape(), seed);
  for (real& v : f.values()) v += v < 0 ? real(-0.2) : real(0.2);
  return f;
}

const std::vector<Index> turned = {2, 0, 1};  // an order of the images

}  // namespace

TEST_CASE("losses on features have their worked values and gradients") {
  for (const Case& c : cases) {
    CAPTURE(c.name);
    CHECK(value(c) == near(c.value));
    if (!c.gradient.empty()) CHECK(off(gradient_of(c, c.student), c.gradient) < tolerance);
  }
  CHECK(25 * value(cases[0]) + 50 * value(cases[1]) == near(3.080945011));
  CHECK(3000 * value(cases[5]) == near(101.156982));
  CHECK(9 * value(cases[7]) == near(0.659548496));  // the sum, in place of the mean
}

TEST_CASE("gradients of losses on features are those of differences") {
  for (const Case& c : cases) {
    CAPTURE(c.name);
    for (const std::uint64_t seed : {1U, 2U}) {
      const Tensor student = other_features(c.student, seed);
      const Tensor teacher = other_features(c.teacher, seed + 10);
      const auto loss = [&](const std::vector<Tensor>& x) { return c.loss(x[0], teacher) * 10; };
      CHECK(gradient_error(loss, {student}) < (worked::in_double ? 1e-6 : 0.1));
    }
  }
}

TEST_CASE("losses on features do not see in which order the images come") {
  for (const Case& c : cases) {
    CAPTURE(c.name);
    CHECK(c.loss(gather_rows(c.student, turned), gather_rows(c.teacher, turned)).item() ==
          near(value(c)));
  }
}

TEST_CASE("a student whose features are the teacher's has no loss and no gradient") {
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const auto loss = [&](const Tensor& f) { return c.loss(f, c.student); };
    CHECK(static_cast<double>(loss(c.student).item()) == doctest::Approx(0).epsilon(1e-9));
    CHECK(largest(gradient(c.student, loss)) < 1e-6);  // (PKT's ε leaves 1e-8.)
  }
}

TEST_CASE("the scale of a side's features does not count, nor to RKD a shift") {
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const Tensor changed = c.student * 3 + (c.name.starts_with("rkd") ? 5 : 0);
    CHECK(c.loss(changed, c.teacher).item() == near(c.value));
    CHECK(c.loss(c.student, c.teacher * 7).item() == near(c.value));
  }
}

TEST_CASE("the teacher's features get no gradient, even where they could") {
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const Tensor student = c.student.clone().requires_grad();
    const Tensor teacher = c.teacher.clone().requires_grad();
    c.loss(student, teacher).backward();
    CHECK(student.has_grad());
    CHECK_FALSE(teacher.has_grad());
  }
}

TEST_CASE(
    "images with equal features or with none leave a number, and no gradient where there "
    "is none") {
  for (const Case& c : cases) {
    CAPTURE(c.name);
    Tensor zero = c.student.clone();  // image 0 has no features at all
    const auto one = static_cast<std::size_t>(zero.size() / zero.dim(0));
    std::fill_n(zero.data(), one, real(0));
    CHECK(std::isfinite(c.loss(zero, c.teacher).item()));
    const Tensor d = gradient_of(c, zero);
    CHECK(std::isfinite(largest(d)));
    // (In RKD and SP an image's features also count in what others are like.)
    const bool alone = c.name.starts_with("at") || c.name == "pkt";
    if (alone) CHECK(largest(slice_rows(d, 0, 1)) == 0);

    const Tensor equal = gather_rows(c.student, std::vector<Index>{1, 1, 2});
    CHECK(std::isfinite(c.loss(equal, c.teacher).item()));
    CHECK(std::isfinite(largest(gradient_of(c, equal))));
    CHECK(std::isfinite(
        c.loss(c.student, gather_rows(c.teacher, std::vector<Index>{1, 1, 2})).item()));

    const Tensor none = Tensor::zeros(c.student.shape());
    CHECK(std::isfinite(c.loss(none, c.teacher).item()));
    CHECK(largest(gradient_of(c, none)) == 0);
    CHECK(std::isfinite(c.loss(c.student, Tensor::zeros(c.teacher.shape())).item()));
  }
}

TEST_CASE("one image has no others to be compared with") {
  for (const Case& c : cases) {
    CAPTURE(c.name);
    if (!c.relates_images) continue;
    const Tensor student = slice_rows(c.student, 0, 1), teacher = slice_rows(c.teacher, 0, 1);
    const auto loss = [&](const Tensor& f) { return c.loss(f, teacher); };
    CHECK(static_cast<double>(loss(student).item()) == doctest::Approx(0).epsilon(1e-9));
    CHECK(largest(gradient(student, loss)) < 1e-6);
  }
}

TEST_CASE("a NaN among the features is not lost") {
  for (const Case& c : cases) {
    CAPTURE(c.name);
    Tensor student = c.student.clone(), teacher = c.teacher.clone();
    student.values()[3] = NAN;
    teacher.values()[3] = NAN;
    CHECK(std::isnan(c.loss(student, c.teacher).item()));
    CHECK(std::isnan(c.loss(c.student, teacher).item()));
    CHECK(std::isnan(largest(gradient_of(c, student))));
  }
}

TEST_CASE("losses on features refuse other images on the two sides, and none") {
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const Tensor fewer = slice_rows(c.teacher, 0, 2);
    CHECK(contains(error_of([&] { c.loss(c.student, fewer); }),
                   fmt::format("features (N, …) of the same images are needed, with at least one "
                               "number each; the student's are {} and the teacher's {}",
                               c.student.shape(), fewer.shape())));
    CHECK(contains(
        error_of([&] { c.loss(slice_rows(c.student, 0, 0), slice_rows(c.teacher, 0, 0)); }),
        "the same images are needed"));
    CHECK(
        contains(error_of([&] { c.loss(Tensor::scalar(1), c.teacher); }), "the student's are ()"));
  }
}

TEST_CASE("rows of length 1 have the gradient of differences, and none at 0") {
  const auto unit = [](const std::vector<Tensor>& x) { return detail::unit_rows(x[0]); };
  CHECK(gradient_error(unit, {random_tensor({4, 3}, 5)}) < (worked::in_double ? 1e-6 : 0.05));
  const Tensor x = Tensor::from({2, 2}, {3, 4, 0, 0});
  CHECK(off(detail::unit_rows(x), {0.6, 0.8, 0, 0}) < tolerance);
  const Tensor d = gradient(x, [](const Tensor& at) {
    return sum(detail::unit_rows(at) * Tensor::from({2}, {1, 2}));
  });
  // (g − (g · u) u) / ‖x‖ with g = 1 2, u = 0.6 0.8: 1 − 2.2 · 0.6 and 2 − 2.2 · 0.8, over 5
  CHECK(off(d, {-0.064, 0.048, 0, 0}) < tolerance);
}

TEST_CASE("terms on features name their taps, the teacher's by the student's path if alone") {
  struct Named {
    Term term;
    std::string name, description;
    std::vector<std::string> teacher;
  };
  const std::vector<Named> all = {
      {rkd_distance({"7"}), "rkd-distance", "rkd-distance(7, 7)", {"7"}},
      {rkd_angle({"7", "9"}), "rkd-angle", "rkd-angle(7, 9)", {"9"}},
      {attention_transfer({"5", "block.2"}), "at", "at(5, block.2, p=2)", {"block.2"}},
      {attention_transfer({"5"}, {.power = 4}), "at", "at(5, 5, p=4)", {"5"}},
      {similarity({"7"}), "sp", "sp(7, 7)", {"7"}},
      {pkt({"7"}), "pkt", "pkt(7, 7)", {"7"}},
  };
  for (const Named& one : all) {
    CAPTURE(one.description);
    CHECK(one.term.name == one.name);
    CHECK(one.term.description == one.description);
    CHECK(one.term.student_taps.size() == 1);
    CHECK(one.term.teacher_taps == one.teacher);
    CHECK_FALSE(one.term.uses_teacher);  // its logits
    CHECK_FALSE(one.term.uses_labels);
    // The value is the loss of what the taps gave.
    const bool maps = one.name == "at";
    const std::vector<Tensor> mine = {maps ? student_maps : student_features};
    const std::vector<Tensor> its = {maps ? teacher_maps : teacher_features};
    const Tensor none;
    const Batch batch;
    const Tensor loss = one.term.value({.batch = batch,
                                        .student = none,
                                        .teacher = none,
                                        .done = 0,
                                        .epoch = 1,
                                        .student_taps = mine,
                                        .teacher_taps = its});
    CHECK(loss.shape() == Shape{});
    CHECK(loss.item() > 0);
  }
}
