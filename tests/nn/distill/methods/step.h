// A term's value of logits and labels alone.
#pragma once

#include "nn/distill/term.h"
#include "tests/nn/distill/methods/worked.h"

namespace limbeck::testing::worked {

// In the first step of a training, of images that nobody looks at.
inline Tensor value_of(const Term& term, const Tensor& student, const Tensor& teacher,
                       std::span<const std::int32_t> class_ids) {
  Batch batch;
  batch.class_ids.assign(class_ids.begin(), class_ids.end());
  return term.value({.batch = batch,
                     .student = student,
                     .teacher = teacher,
                     .done = 0,
                     .epoch = 1,
                     .student_taps = {},
                     .teacher_taps = {}});
}

}  // namespace limbeck::testing::worked
