// A term of one's own that learns from features: the student shall be able to say what the
// teacher's hidden layer says. Prints every number that the reports have.
#include <fmt/format.h>

#include "core/ops.h"
#include "data/synthetic_digits.h"
#include "nn/distill/distiller.h"
#include "nn/distill/methods/labels.h"
#include "nn/linear.h"
#include "nn/losses.h"
#include "nn/models.h"
#include "nn/train/evaluate.h"

using namespace limbeck;

namespace {

// mean of (A h_S + b − h_T)² with an adaptor A, b between the two widths, which learns with the
// student and is not a part of it.
Term hidden_hint(const std::string& student_layer, const std::string& teacher_layer) {
  const auto adaptor = std::make_shared<Sequential>();
  return {.name = "hint",
          .value =
              [adaptor](const TermStep& s) {
                return mse((*adaptor)(s.student_taps[0]), s.teacher_taps[0]);
              },
          .uses_teacher = false,  // of its logits this term wants nothing
          .student_taps = {student_layer},
          .teacher_taps = {teacher_layer},
          .modules = {adaptor},
          .prepare =
              [adaptor](const TermShapes& of, Rng& rng) {
                const Index in = of.student_taps[0].size(), out = of.teacher_taps[0].size();
                *adaptor = Sequential(Linear({.in = in, .out = out}, rng));
              },
          .promises = {.never_negative = true}};
}

}  // namespace

int main() {
  const auto [train, test] = synthetic_digits({.train = 4'000, .test = 1'000});
  Rng rng(1);
  Sequential teacher = mlp({784, 200, 10}, {}, rng);  // "2" is its hidden layer, after the ReLU
  Sequential student = mlp({784, 16, 10}, {}, rng);
  train_classifier(teacher, train, {.epochs = 8});

  TrainOptions options{.epochs = 10, .test = &test};
  options.on_epoch = [](const EpochReport& report) {
    fmt::print("epoch {:>2}", report.epoch);
    for (const ReportNumber& number : numbers_of(report)) {
      if (number.value) fmt::print("  {} {:.3g}", number.name, *number.value);
    }
    fmt::print("\n");
  };
  const Objective objective = labels() + until(0.5) * 2 * hidden_hint("2", "2");
  Distiller(teacher, student, objective, {.gradient_every = 10}).fit(train, options);
  fmt::print("teacher {} errors of {}, student {}\n", count_errors(teacher, test), test.size(),
             count_errors(student, test));
}
