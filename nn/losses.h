// Losses: scalars to minimise. Those that compare distributions are means over the batch of N
// cases, and over nothing else: a sum over classes stays a sum. (PyTorch's default for KL averages
// over classes too, which makes it C times too small.) Those that compare number with number are
// means over all elements.
//
// Words: logits are a network's raw outputs, any real numbers; log_probs are log_softmax(logits);
// probs lie in [0, 1] and sum to 1 along the last dimension; class_ids are labels in [0, C).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/tensor.h"

namespace limbeck {

// What cross_entropy makes of a label.
struct CrossEntropyOptions {
  double label_smoothing = 0;  // ε: the target is (1 − ε) onehot(y) + ε / C
  // w: how much each of the C classes counts, for classes that are rare or that matter more; none:
  // all count 1.
  std::vector<double> class_weights{};
};

// −(1/N) Σ_n Σ_j t_nj ln softmax(z_n)_j with t the one-hot label, smoothed by ε (Szegedy et al.,
// "Rethinking the Inception Architecture", CVPR 2016, section 7). Logits z (N, C), N labels → ().
//   dz = dy (softmax(z) − t) / N
// With weights, w_j t_nj stands for t_nj and Σ_n w_{y_n} for N, as in PyTorch: a weighted mean. So
// weights that are all 7 do what none do.
//   dz = dy (softmax(z) Σ_k w_k t_k − w t) / Σ_n w_{y_n}
// Error: logits not (N, C), another number of labels, a label outside [0, C), ε outside [0, 1];
// other than C weights, one below 0 or infinite, or those of the batch's labels all 0.
Tensor cross_entropy(const Tensor& logits, std::span<const std::int32_t> class_ids,
                     const CrossEntropyOptions& options = {});

// The same for targets t that are probabilities: logits (N, C), probs (N, C) → ().
//   dz = dy (softmax(z) Σ_j t_j − t) / N      dt = −dy ln softmax(z) / N
// Error: not both (N, C).
Tensor soft_cross_entropy(const Tensor& logits, const Tensor& probs);

// KL(t ‖ q) = (1/N) Σ_n Σ_j t_nj (ln t_nj − ln q_nj), with 0 ln 0 = 0: log_probs ln q (N, C),
// target_probs t (N, C) → (). It is 0 where q = t and positive elsewhere.
//   d ln q = −dy t / N      dt = dy (ln t − ln q + 1) / N where t > 0, else 0
// Error: not both (N, C), a ln q above 0, a t below 0.
Tensor kl_div(const Tensor& log_probs, const Tensor& target_probs);

// How much a yes counts.
struct BinaryCrossEntropyOptions {
  // p of each column (the places along the last dimension), or one for all: where a yes is rare,
  // about how many noes there are to one. None: 1.
  std::vector<double> pos_weight{};
};

// For questions with the answers yes and no, each by itself: one of two classes, or several labels
// of which any number may hold. With σ the sigmoid, logits z and targets t in [0, 1] of one shape,
// (…), (…) → ():
//   the mean of −p t ln σ(z) − (1 − t) ln(1 − σ(z)) over all elements
// by −ln(1 − σ(z)) = ln(1 + eᶻ) = max(z, 0) + ln(1 + e^−|z|), which is exact at any size of z; with
// p = 1 it is max(z, 0) − z t + ln(1 + e^−|z|).
//   dz = dy ((1 − t) σ(z) − p t σ(−z)) / size      dt = dy (p ln(1 + e⁻ᶻ) − ln(1 + eᶻ)) / size
// Error: two shapes, no elements, a target outside [0, 1]; pos_weight neither one number nor one a
// column, or one below 0 or infinite.
Tensor binary_cross_entropy_with_logits(const Tensor& logits, const Tensor& targets,
                                        const BinaryCrossEntropyOptions& options = {});

// The mean of (a − b)² over all elements, both of one shape → (). Error: two shapes, no elements.
Tensor mse(const Tensor& a, const Tensor& b);

// Where the square ends.
struct SmoothL1Options {
  double beta = 1;  // β ≥ 0; with 0 the loss is the mean of |a − b|
};

// The mean of d² / 2β where d = |a − b| is below β, and of d − β/2 elsewhere, both of one shape →
// (): a square near 0, and far away a line, so that one wild value pulls no harder than any other.
// Girshick, "Fast R-CNN", ICCV 2015, equation 3; PyTorch's definition. Error: two shapes, no
// elements, β below 0 or above 10³⁰.
Tensor smooth_l1(const Tensor& a, const Tensor& b, const SmoothL1Options& options = {});

// Error, in the name of `op`: logits not (N, C) with N and C at least 1.
void check_logits(const char* op, const Tensor& logits);
// Error, in the name of `op`: labels that are not N numbers in [0, C) for logits (N, C).
void check_class_ids(const char* op, const Tensor& logits, std::span<const std::int32_t> class_ids);

}  // namespace limbeck
