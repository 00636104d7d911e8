// mse_logits: the student's logits are to be the teacher's, number by number.
//
//   mean over all N · C elements of (z − Φ v)²      dz = 2 (z − Φ v) / (N C)
//
// z, v (N, C); no labels, no temperature. A half of it, with each row's mean taken away on both
// sides, is what kd (kd.h) becomes at a high T: 0.45 * mse_logits() is about as strong as
// 0.9 * kd({.temperature = 100}). Unlike all that goes through a softmax it also wants the row's
// mean, on which no decision depends. A sum over classes, which others have, is C times this.
//
// Φ = 1 is Ba and Caruana, "Do Deep Nets Really Need to be Deep?", NeurIPS 2014, section 2.3; on
// CIFAR-100 better than kd at any T (Kim et al., "Comparing Kullback-Leibler Divergence and Mean
// Squared Error Loss in Knowledge Distillation", IJCAI 2021). It takes what the teacher says about
// classes that are out of the question as seriously as the rest, so against noisy labels a low T is
// better. Φ rising to 1 in steps is the first phase of Annealing KD (Jafari et al., EACL 2021,
// section 3): a teacher of small logits at first, nothing softened. Its code means over elements,
// too.
#pragma once

#include "nn/distill/term.h"

namespace limbeck {

// How much of the teacher's logits.
struct MseLogitsOptions {
  Varying teacher_scale = 1;  // Φ
};

// z (N, C), v (N, C) → (), with Φ where `done` of the training is over. Error: other shapes.
Tensor mse_logits_loss(const Tensor& z, const Tensor& v, const MseLogitsOptions& options = {},
                       double done = 0);
// The same as a term.
Term mse_logits(const MseLogitsOptions& options = {});

}  // namespace limbeck
