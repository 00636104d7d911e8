// standardised: any term on logits, of logits that are standardised first, each row on both sides:
//
//   ẑ = (z − mean(z)) / (σ + ε)      σ² = Σ (z_i − mean(z))² / (C − correction), ε = 1e-7
//
//   0.1 * labels() + 9 * standardised(kd({.temperature = 2}))
//
// To a softmax a shift does nothing, so this is the term with a temperature for each row, T σ of
// the student for the student and T σ of the teacher for the teacher, and with the gradient through
// the student's σ. With g the gradient at ẑ,
//   dz_i = (g_i − mean(g) − (z_i − mean(z)) / ((C − correction) σ) Σ_k g_k ẑ_k) / (σ + ε)
// so that Σ dz_i = 0 and, but for ε, Σ dz_i z_i = 0: the size of the logits does not count. One T
// for both sides asks the student for logits as large as the teacher's, which a small student can
// reach only at the cost of what they say. How sure to be it then learns from the labels alone:
// with no weight on them the size drifts.
//
// z, v (N, C). Source: Sun et al., "Logit Standardization in Knowledge Distillation", CVPR 2024,
// section 4. Defaults: correction 1, as their code (and PyTorch's std) has it; the paper's formula
// has 0, whose answers are as sharp as these at T √(1 − 1/C). T = 2 and weights 0.1 and 9; T 2 to 4
// and weights 6 to 18 were tried by pair of networks. What is called NormKD, T_n = 2 σ_n on each
// side, is standardised(kd({.temperature = 2})) without the gradient through σ.
//
// When: student and teacher of very different size. With two classes nothing but the sign is left.
// A row that is constant, as those of a last layer of zeros, becomes 0, with gradient 0. With many
// classes and a sure teacher σ is that of the one peak.
#pragma once

#include "nn/distill/term.h"

namespace limbeck {

// Which σ.
struct StandardiseOptions {
  int correction = 1;  // 0 or 1
};

// ẑ: (N, C) → (N, C), with the gradient above. Error: not (N, C), no more classes than the
// correction is, another correction.
Tensor standardise(const Tensor& logits, const StandardiseOptions& options = {});
// A term on the standardised logits of both; its name gets "std-" before it. Its taps, labels and
// modules stay as they are.
Term standardised(Term term, const StandardiseOptions& options = {});

}  // namespace limbeck
