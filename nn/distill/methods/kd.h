// kd and soft_ce: the classic soft targets.
//
//   p = softmax(v / T), q = softmax(z / T), of the teacher's logits v and the student's z
//   kd       T² · mean of KL(p ‖ q) = T² · mean of Σ_j p_j (ln p_j − ln q_j)
//   soft_ce  T² · mean of −Σ_j p_j ln q_j = kd + T² · mean of the entropy of p
//
// Both have the gradient dz = T (q − p) / N: they differ by what the student cannot change. kd is 0
// where the student agrees, soft_ce stops at T² times the teacher's entropy. What T and T² do is
// told in nn/distill/distillation_loss.h, whose loss is α · labels + (1 − α) · kd.
//
// z, v (N, C); the mean is over the N rows alone. A mean over all N · C numbers, the default of
// other libraries, makes this C times weaker. Needs no labels. A constant added to a row of z or of
// v changes nothing.
//
// Defaults: T = 4, as comparison suites have it, with weights 0.1 * labels() + 0.9 * kd(). The
// paper has T = 20 and a considerably lower weight for the labels; a small student wants 2 to 4.
// Source: Hinton, Vinyals, Dean 2015, section 2. As T grows kd becomes least squares
// on logits without the means of rows, |(z − z̄) − (v − v̄)|² / 2C: mse_logits.h.
#pragma once

#include "nn/distill/term.h"

namespace limbeck {

// How soft.
struct KdOptions {
  Varying temperature = 4;  // T > 0
};

// T² KL(p ‖ q): z (N, C), v (N, C) → (). A T that changes is taken where `done` of the training is
// over. Error: other shapes, T not a positive number.
Tensor kd_loss(const Tensor& z, const Tensor& v, const KdOptions& options = {}, double done = 0);
// The same as a term.
Term kd(const KdOptions& options = {});

// T² CE(p, q), likewise.
Tensor soft_ce_loss(const Tensor& z, const Tensor& v, const KdOptions& options = {},
                    double done = 0);
// The same as a term.
Term soft_ce(const KdOptions& options = {});

}  // namespace limbeck
