// Softmax along a dimension, with a temperature; and the logarithm of a sum of exponentials.
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

#include "core/ops/reduce.h"
#include "core/tensor.h"

namespace limbeck {

// Along which dimension, and how.
struct SoftmaxOptions {
  double temperature = 1;  // T
  int dim = -1;            // C; a negative one counts from the end
};

// y = softmax(x / T): (…, C) → (…, C)      dx = y (dy − Σ_j dy_j y_j) / T
// Error: T is not a positive finite number, or C = 0.
Tensor softmax(const Tensor& logits, double temperature = 1);
// The same along another dimension: (…, C, …) → (…, C, …). Error: also, there is no such dimension.
Tensor softmax(const Tensor& logits, const SoftmaxOptions& options);

// y = ln softmax(x / T): (…, C) → (…, C)   dx = (dy − softmax(x / T) Σ_j dy_j) / T
// Exact where ln(softmax(x)) would give −∞: a logit 1e4 below the largest has y = −1e4 / T.
Tensor log_softmax(const Tensor& logits, double temperature = 1);
Tensor log_softmax(const Tensor& logits, const SoftmaxOptions& options);

// y = ln Σ exp(x) along a dimension: (…, D, …) → (…, …), or (…, 1, …) where kept. Stable as softmax
// is, and NaN is passed on.
//   dx = dy exp(x − y), which is dy softmax(x), and NaN where both are infinite
// Error: there is no such dimension, or D = 0.
Tensor log_sum_exp(const Tensor& x, int dim = -1, const ReduceOptions& options = {});

// One row, of float or double, for losses that are fused with their softmax: log_probs[j] =
// ln softmax(logits / T)_j and probs[j], its exponential. Returns ln Σ exp(logits / T).
// log_probs may be where the logits are. (A loss that is a difference of such logarithms takes them
// in double: at a high T, or where the student is near, it is much smaller than they are.)
template <class T>
T log_softmax_row(T* log_probs, T* probs, const T* logits, Index classes, T temperature);

// Error, in the name of `op`: T is not a positive finite number.
void check_temperature(const char* op, double temperature);

}  // namespace limbeck
