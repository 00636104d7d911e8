// tf_kd: teacher-free distillation. A virtual teacher is right about every image and gives all
// wrong classes the same: a at the label, (1 − a) / (C − 1) elsewhere. Softened as any other
// answer is,
//
//   p_y = a^(1/T) / s      p_i = ((1 − a) / (C − 1))^(1/T) / s      s the sum of all
//   tf_kd = T² · mean of KL(p ‖ q)      dz = T (q − p) / N          q = softmax(z / T)
//
// z (N, C), N labels, no teacher. Source: Yuan et al., "Revisiting Knowledge Distillation via Label
// Smoothing Regularization", CVPR 2020, section 4 (Tf-KD reg). Defaults: a = 0.99, T = 20. It is
// label smoothing with a softer student. Their other method (Tf-KD self), a copy of the student
// trained before as the teacher, is kd (kd.h) with that copy.
//
// The paper has no T²; their code weighs the mean over N · C numbers by up to 100, softens a by a
// softmax of the probabilities, which at T = 20 leaves all but a uniform answer, and takes the
// student at T = 1. With T² weights mean here what they mean for kd: beside 0.9 * labels(),
// 0.1 * tf_kd() to begin with.
//
// When: no teacher is at hand, or as the bar that a real one must clear.
#pragma once

#include "nn/distill/term.h"

namespace limbeck {

// How soft, and how sure.
struct TfKdOptions {
  Varying temperature = 20;  // T > 0
  double confidence = 0.99;  // a in (0, 1]
};

// z (N, C), N labels → (), at T where `done` of the training is over. Error: logits not (N, C), a
// label outside [0, C), fewer than two classes, options out of range.
Tensor tf_kd_loss(const Tensor& z, std::span<const std::int32_t> class_ids,
                  const TfKdOptions& options = {}, double done = 0);
// The same as a term.
Term tf_kd(const TfKdOptions& options = {});

}  // namespace limbeck
