// Losses: scalars to minimise. All are means over the batch of N cases, and over nothing else: a
// sum over classes stays a sum. (PyTorch's default for KL averages over classes too, which makes it
// C times too small.)
//
// Words: logits are a network's raw outputs, any real numbers; log_probs are log_softmax(logits);
// probs lie in [0, 1] and sum to 1 along the last dimension; class_ids are labels in [0, C).
#pragma once

#include <cstdint>
#include <span>

#include "core/tensor.h"

namespace limbeck {

// What cross_entropy makes of a label.
struct CrossEntropyOptions {
  double label_smoothing = 0;  // ε: the target is (1 − ε) onehot(y) + ε / C
};

// −(1/N) Σ_n Σ_j t_nj ln softmax(z_n)_j with t the one-hot label, smoothed by ε (Szegedy et al.,
// "Rethinking the Inception Architecture", CVPR 2016, section 7). Logits z (N, C), N labels → ().
//   dz = dy (softmax(z) − t) / N
// Error: logits not (N, C), another number of labels, a label outside [0, C), ε outside [0, 1].
Tensor cross_entropy(const Tensor& logits, std::span<const std::int32_t> class_ids,
                     const CrossEntropyOptions& options = {});

// The same for targets t that are probabilities: logits (N, C), probs (N, C) → ().
//   dz = dy (softmax(z) Σ_j t_j − t) / N      dt = −dy ln softmax(z) / N
// Error: not both (N, C).
Tensor soft_cross_entropy(const Tensor& logits, const Tensor& probs);

// KL(t ‖ q) = (1/N) Σ_n Σ_j t_nj (ln t_nj − ln q_nj), with 0 ln 0 = 0: log_probs ln q (N, C),
// target_probs t (N, C) → (). It is 0 where q = t and positive elsewhere.
//   d ln q = −dy t / N      dt = dy (ln t − ln q + 1) / N where t > 0, else 0
// Error: not both (N, C).
Tensor kl_div(const Tensor& log_probs, const Tensor& target_probs);

// The mean of (a − b)² over all elements, both of one shape → ().
Tensor mse(const Tensor& a, const Tensor& b);

// Error, in the name of `op`: logits not (N, C) with N and C at least 1.
void check_logits(const char* op, const Tensor& logits);
// Error, in the name of `op`: labels that are not N numbers in [0, C) for logits (N, C).
void check_class_ids(const char* op, const Tensor& logits, std::span<const std::int32_t> class_ids);

}  // namespace limbeck
