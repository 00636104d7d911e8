// Terms for tests of what a Distiller does with terms, of plain ops.
#pragma once

#include "nn/distill/distiller.h"
#include "nn/linear.h"
#include "nn/losses.h"
#include "nn/models.h"
#include "tests/nn/train/rows_of_light.h"

namespace limbeck::testing {

// CE(z, y).
inline Term true_classes() {
  return {.name = "labels",
          .value = [](const TermStep& s) { return cross_entropy(s.student, s.batch.class_ids); },
          .uses_labels = true,
          .uses_teacher = false,
          .promises = {.shift_invariant = true, .never_negative = true}};
}

// T² KL(p_T ‖ q_T).
inline Term soft_targets(const Varying& temperature) {
  return {.name = "soft-targets",
          .value =
              [=](const TermStep& s) {
                const double t = temperature(s.done);
                return kl_div(log_softmax(s.student, t), softmax(s.teacher, t)) * (t * t);
              },
          .description = "soft-targets(T=" + temperature.str() + ")",
          .temperature = temperature,
          .promises = {.shift_invariant = true, .never_negative = true, .at_equal = 0}};
}

// The mean of (A f_S + b − f_T)², with A and b of its own for the widths that there are.
inline Term hint_between(const std::string& student, const std::string& teacher) {
  const auto adaptor = std::make_shared<Sequential>();
  return {
      .name = "hint",
      .value =
          [=](const TermStep& s) { return mse((*adaptor)(s.student_taps[0]), s.teacher_taps[0]); },
      .description = "hint(" + student + ", " + teacher + ")",
      .uses_teacher = false,
      .student_taps = {student},
      .teacher_taps = {teacher},
      .modules = {adaptor},
      .prepare =
          [=](const TermShapes& of, Rng& rng) {
            *adaptor = Sequential(
                Linear({.in = of.student_taps[0].size(), .out = of.teacher_taps[0].size()}, rng));
          },
      .promises = {.never_negative = true}};
}

inline Sequential perceptron(std::uint64_t seed, std::initializer_list<Index> widths = {16, 8, 4},
                             double dropout = 0) {
  Rng rng(seed);
  return mlp(std::vector<Index>(widths), {.dropout = dropout}, rng);
}

}  // namespace limbeck::testing
