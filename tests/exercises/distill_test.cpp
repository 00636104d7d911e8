// The exercises of nn/distill/README.md: bodies to write, each with the test that it has to pass.
#include "core/ops.h"
#include "nn/distill/distillation_loss.h"
#include "nn/losses.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// Exercise 1. The gradient of T² · KL(p_T ‖ q_T) with respect to the student's logits z, in closed
// form and without autograd; z and the teacher's v (N, C) → (N, C).
Tensor soft_gradient(const Tensor& z, const Tensor& v, double temperature) {
  static_cast<void>(z);
  static_cast<void>(v);
  static_cast<void>(temperature);
  fail("exercise", "not done yet");
}

// Exercise 2. The T, between 0.01 and 1000, at which softmax(v / T) has an entropy of so many bits,
// in the mean over the cases; logits v (N, C). Entropy rises with T, so halving an interval finds
// it. Error: bits that no T in between gives.
double temperature_for(const Tensor& v, double bits) {
  static_cast<void>(v);
  static_cast<void>(bits);
  fail("exercise", "not done yet");
}

// Exercise 3. The teacher's logits (N, C) without its mistakes: where another class than the label
// has the largest logit, the two logits change places. Its doubts stay, about other classes.
// (After Wen, Lai and Qian, "Preparing Lessons: Improve Knowledge Distillation with Better
// Supervision", 2019.) The argument keeps its values.
Tensor corrected(const Tensor& logits, const std::vector<std::int32_t>& class_ids) {
  static_cast<void>(logits);
  static_cast<void>(class_ids);
  fail("exercise", "not done yet");
}

}  // namespace

TEST_CASE("exercise distill 1: the gradient of the soft term" * doctest::skip()) {
  const Tensor v = wave({3, 4}, 4, 0.7);
  const std::vector<std::int32_t> labels = {0, 1, 2};
  for (const double t : {0.5, 1.0, 4.0, 20.0}) {
    const Tensor z = wave({3, 4}, 3, 1.3).requires_grad();
    distillation_loss(z, v, labels, {.temperature = t, .alpha = 0}).total.backward();
    CAPTURE(t);
    CHECK(difference(soft_gradient(z.detach(), v, t), z.grad()) < 1e-5);
  }
  // For a T far above the logits, of mean 0: matching logits, (z − v) / (N C).
  const Tensor z0 = Tensor::from({1, 3}, {1, 0, -1}), v0 = Tensor::from({1, 3}, {-2, 3, -1});
  CHECK(difference(soft_gradient(z0, v0, 300), (z0 - v0) / 3) < 0.02);
}

TEST_CASE("exercise distill 2: the temperature for an entropy" * doctest::skip()) {
  // Two classes, logits a and 0: probabilities ¾ and ¼ where a / T = ln 3, with the entropy of
  // 2 − ¾ log₂ 3 bits.
  const double bits = 2 - 0.75 * std::log2(3.0);
  const Tensor two = Tensor::from({2, 2}, {5, 0, 0, 5});
  CHECK(temperature_for(two, bits) == doctest::Approx(5 / std::log(3.0)).epsilon(1e-3));
  CHECK(temperature_for(two * 2, bits) == doctest::Approx(10 / std::log(3.0)).epsilon(1e-3));
  CHECK(error_of([&] { temperature_for(two, 1.5); }) != "(no error)");
  CHECK(error_of([&] { temperature_for(two, 1.5); }) != "exercise: not done yet");
}

TEST_CASE("exercise distill 3: a teacher without its mistakes" * doctest::skip()) {
  const Tensor v = Tensor::from({3, 3}, {5, 1, 2, 5, 1, 2, 0, 3, 4});
  const Tensor before = v.clone();
  const Tensor mended = corrected(v, {0, 1, 1});
  CHECK(difference(mended, Tensor::from({3, 3}, {5, 1, 2, 1, 5, 2, 0, 4, 3})) == 0);
  CHECK(argmax_last(mended) == std::vector<std::int32_t>{0, 1, 1});
  CHECK(same_bits(v, before));
}
