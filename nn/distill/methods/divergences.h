// reverse_kd and js: other distances between the softened answers p and q (kd.h) than KL(p ‖ q).
//
//   reverse_kd  T² · mean of KL(q ‖ p)
//   js          T² · mean of β KL(p ‖ m) + (1 − β) KL(q ‖ m)      m = β p + (1 − β) q
//
//   reverse_kd  dz_i = T q_i (ln(q_i / p_i) − KL(q ‖ p)) / N
//   js          dz_i = T (1 − β) q_i (ln(q_i / m_i) − KL(q ‖ m)) / N
//
// z, v (N, C), means over the rows; no labels needed. 0 where the student agrees.
//
// KL(p ‖ q) asks the student to give some probability to all that the teacher holds possible; the
// reverse asks it to say nothing that the teacher rules out, and lets it leave out the rest. A
// student too small to hold all of the teacher's answer can then be sure of a part of it. Known
// from language models (Gu et al., "MiniLLM", ICLR 2024). Where the student is sure already, q_i is
// near 0 for all it has left out, and with it their gradient: it does not come back by itself.
// Jensen-Shannon, β = ½, lies between, and is at most ln 2 however far the answers are apart; with
// a small β it is β times the forward KL, and with 1 − β small that times the reverse one (Agarwal
// et al., "On-Policy Distillation of Language Models", ICLR 2024, section 2).
//
// Defaults: T = 4 and β = ½; no setting for images has been published. The mixture is made of
// logarithms, so that no logarithm of 0 is ever taken of finite logits.
#pragma once

#include "nn/distill/term.h"

namespace limbeck {

// How soft.
struct ReverseKdOptions {
  Varying temperature = 4;  // T > 0
};

// T² KL(q ‖ p): z (N, C), v (N, C) → (), at T where `done` of the training is over. Error: other
// shapes, T not a positive number.
Tensor reverse_kd_loss(const Tensor& z, const Tensor& v, const ReverseKdOptions& options = {},
                       double done = 0);
// The same as a term.
Term reverse_kd(const ReverseKdOptions& options = {});

// How soft, and between which.
struct JsOptions {
  Varying temperature = 4;  // T > 0
  double beta = 0.5;        // β in (0, 1): the teacher's share of the mixture
};

// The divergence of both from their mixture, likewise. Error: also, β out of range.
Tensor js_loss(const Tensor& z, const Tensor& v, const JsOptions& options = {}, double done = 0);
// The same as a term.
Term js(const JsOptions& options = {});

}  // namespace limbeck
