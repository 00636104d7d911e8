// Softmax along the last dimension, with a temperature.
//
//   softmax(x, T)_i = exp(x_i / T) / Σ_j exp(x_j / T)
//
// T = 1 is the usual softmax. A higher T flattens the answer: it shows how a network ranks the
// classes that it did not choose, which at T = 1 all have probabilities near 0. A lower one
// sharpens it towards 1 for the largest logit and 0 for the rest. nn/distill/distillation_loss.h
// has the use.
//
// Stable for any finite logits: the row's maximum is subtracted before exp, so that the largest
// exponent is 0 and nothing overflows.
#pragma once

#include "core/tensor.h"

namespace limbeck {

// y = softmax(x / T): (…, C) → (…, C)      dx = y (dy − Σ_j dy_j y_j) / T
// Error: T is not a positive finite number, or C = 0.
Tensor softmax(const Tensor& logits, double temperature = 1);

// y = ln softmax(x / T): (…, C) → (…, C)   dx = (dy − softmax(x / T) Σ_j dy_j) / T
// Exact where ln(softmax(x)) would give −∞: a logit 1e4 below the largest has y = −1e4 / T.
Tensor log_softmax(const Tensor& logits, double temperature = 1);

// One row for kernels that fuse a loss with its softmax: log_probs[j] = ln softmax(logits / T)_j.
void log_softmax_row(real* log_probs, const real* logits, Index classes, real temperature);

// Error, in the name of `op`: T is not a positive finite number.
void check_temperature(const char* op, double temperature);

}  // namespace limbeck
