// A distillation that takes no time, for the tests of what is made from its results.
#pragma once

#include "apps/report/report.h"

namespace limbeck::testing {

// Two students that learned from a few hundred synthetic digits, and a teacher of some kind.
struct SmallDistillation {
  Dataset test;
  Sequential hard, distilled;
  Tensor teacher_logits, hard_logits, distilled_logits;  // (N, C)
  DistillReport results{};

  ReportInput input() {
    return {.results = results,
            .options = {{"seed", 1}, {"data", nullptr}},
            .test = test,
            .teacher_logits = teacher_logits,
            .hard_logits = hard_logits,
            .distilled_logits = distilled_logits,
            .hard = hard,
            .distilled = distilled,
            .temperature = 4};
  }
};

// These two students after two epochs, both judged by 120 images.
SmallDistillation small_distillation(Sequential hard, Sequential distilled);

// Perceptrons of 12 hidden units: one without batch norm and one with.
SmallDistillation small_perceptrons();

}  // namespace limbeck::testing
