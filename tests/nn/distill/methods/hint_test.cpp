// Hints: the worked example, and which regressor leads from which features to which.
#include "nn/distill/methods/hint.h"

#include <vector>

#include "nn/conv2d.h"
#include "nn/linear.h"
#include "nn/losses.h"
#include "tests/nn/distill/methods/worked.h"

using namespace limbeck;
using namespace limbeck::testing;
using worked::near;
using worked::off;
using worked::student_maps;
using worked::teacher_maps;
using worked::tolerance;

namespace {

// A term's value on these features, by modules that are made for their shapes from a seed.
Tensor value_of(const Term& term, const Tensor& student, const Tensor& teacher,
                std::uint64_t seed = 1) {
  Rng rng(seed);
  term.prepare({.classes = 5,
                .student_taps = {student.shape().without_front()},
                .teacher_taps = {teacher.shape().without_front()}},
               rng);
  const std::vector<Tensor> mine = {student}, its = {teacher};
  const Tensor none;
  const Batch batch;
  return term.value({.batch = batch,
                     .student = none,
                     .teacher = none,
                     .done = 0,
                     .epoch = 1,
                     .student_taps = mine,
                     .teacher_taps = its});
}

}  // namespace

TEST_CASE("a hint by a 1 × 1 convolution has its worked values and gradients") {
  Rng rng(1);
  Conv2d r({.in = 2, .out = 3}, rng);
  std::ranges::copy(std::vector<real>{1, 0.5, 0, -1, 0.5, 0.5}, r.weight.data());
  std::ranges::copy(std::vector<real>{real(0.1), 0, real(-0.1)}, r.bias.data());
  const Tensor said = r(student_maps);
  CHECK(off(said, {1.35,  0.60,  2.10,  -1.15, -0.50, -1.00, 0.00,  0.50, 0.65,
                   0.40,  0.90,  -0.85, -0.40, 1.35,  1.85,  2.10,  1.00, -0.50,
                   -1.50, 0.00,  -0.60, 0.65,  1.15,  0.90,  2.60,  0.10, 0.35,
                   1.35,  -1.00, 2.00,  -0.50, -0.50, 1.40,  -0.60, 0.15, 0.65}) < tolerance);
  const Tensor loss = hint_loss(said, teacher_maps);
  CHECK(loss.item() == near(1.816388889));
  // The paper's half sum of an image's elements, of which there are 12; and a sum is neither.
  CHECK(loss.item() * 12 / 2 == near(10.898333333));
  loss.backward();
  CHECK(off(r.weight.grad(), {0.375000000, 0.288888889, -0.583333333, -1.111111111, 0.430555556,
                              0.488888889}) < tolerance);
  CHECK(off(r.bias.grad(), {0.150000000, -0.361111111, 0.044444444}) < tolerance);
}

TEST_CASE("the regressor brings features of any fitting shape to the teacher's") {
  struct Way {
    Shape student, teacher;
    std::string layer;
  };
  const std::vector<Way> ways = {
      {{2}, {3}, "Linear(2, 3)"},
      {{2, 5, 5}, {3, 5, 5}, "Conv2d(2, 3, kernel 1)"},
      {{2, 8, 8}, {3, 4, 4}, "Conv2d(2, 3, kernel 3, stride 2, padding 1)"},
      {{2, 7, 7}, {3, 4, 4}, "Conv2d(2, 3, kernel 3, stride 2, padding 1)"},
      {{2, 7, 7}, {3, 5, 5}, "Conv2d(2, 3, kernel 3)"},
      {{2, 7, 8}, {3, 7, 4}, "Conv2d(2, 3, kernel 1×3, stride 1×2, padding 0×1)"},
      {{2, 7, 7}, {3, 14, 14}, "ConvTranspose2d(2, 3, kernel 4, stride 2, padding 1)"},
  };
  for (const Way& way : ways) {
    for (const bool relu : {false, true}) {
      Rng rng(3);
      Sequential r = hint_regressor(way.student, way.teacher, {.relu = relu}, rng);
      CAPTURE(way.layer);
      CHECK(r.size() == (relu ? 3 : 1));
      CHECK(r[0].describe() == way.layer);
      const Tensor y = r(random_tensor(way.student.with_front(4), 1));
      CHECK(y.shape() == way.teacher.with_front(4));
      if (relu) CHECK(std::ranges::min(std::as_const(y).values()) == 0);
    }
  }
}

TEST_CASE("hints refuse shapes between which there is no way") {
  Rng rng(1);
  const auto complaint = [&](const Shape& student, const Shape& teacher) {
    return error_of([&] { hint_regressor(student, teacher, {}, rng); });
  };
  CHECK(complaint({2, 5, 5}, {3, 7, 7}) ==
        "hint_regressor: the student's features (2, 5, 5) cannot become the teacher's (3, 7, 7): "
        "planes can shrink or double; name a stage of another size");
  CHECK(complaint({10}, {3, 7, 7}) ==
        "hint_regressor: the student's features (10) cannot become the teacher's (3, 7, 7): both "
        "must be rows (D) or both maps (K, H, W)");
  CHECK(error_of([&] {
          hint_loss(Tensor::zeros({3, 2}), Tensor::zeros({3, 4}));
        }) == "hint_loss: the regressor gives (3, 2) where the teacher's features are (3, 4)");
}

TEST_CASE("a hint's term owns a regressor that the run's seed makes, and both sides learn") {
  const Term term = hint({"5", "9"});
  CHECK(term.description == "hint(5, 9)");
  CHECK(hint({"5"}, {.relu = true}).description == "hint(5, 5, relu)");
  REQUIRE(term.modules.size() == 1);
  const double first = value_of(term, student_maps, teacher_maps).item();
  CHECK(value_of(term, student_maps, teacher_maps).item() == first);
  CHECK(value_of(term, student_maps, teacher_maps, 2).item() != first);

  const Tensor student = student_maps.clone().requires_grad();
  const Tensor teacher = teacher_maps.clone().requires_grad();
  value_of(term, student, teacher).backward();
  CHECK(student.has_grad());
  CHECK_FALSE(teacher.has_grad());
  CHECK(term.modules[0]->parameter_count() == 2 * 3 + 3);
  for (const Tensor& parameter : term.modules[0]->parameters()) CHECK(parameter.has_grad());
}
