// Controls: terms that leave out a part of what a teacher says, so that one sees which part
// teaches.
//
//   cwtm   Σ_n w_n CE(z_n, y_n)           w_n = max_j p_nj / Σ_m max_j p_mj,   p = softmax(v)
//   dkpp   T² · mean of KL(p' ‖ softmax(z / T))
//                                         p' = softmax(v / T), of which each row keeps its largest
//                                         and has the others in random order
//
// cwtm, "confidence weighted by teacher max", hears how sure the teacher is of an image, and
// nothing of classes: labels alone, of which the images that it finds hard count less. dkpp, "dark
// knowledge with permuted predictions", hears also how the rest is spread, and not over which
// classes. Where a student learns as well by one of them as by kd(), the teacher's likenesses
// between classes are not what helped it. Of the paper's students from equal teachers both are
// better than labels alone, and worse than kd. Both are at T = 1 there.
//
// z, v (N, C), N labels. w is a constant in the gradient, as p' is: dz_n = w_n (softmax(z_n) −
// onehot(y_n)), and dz = T (q − p') / N. Of equal largest logits the first is kept.
// Furlanello et al., "Born-Again Neural Networks", ICML 2018, section 3.3; the orders are drawn
// anew for each image in each epoch, of which the paper says nothing.
#pragma once

#include "nn/distill/term.h"

namespace limbeck {

// Cross-entropy with the labels, weighted by the teacher's confidence: z (N, C), v (N, C), N labels
// → (). Error: other shapes, a label outside [0, C), fewer than two classes.
Tensor cwtm_loss(const Tensor& z, const Tensor& v, std::span<const std::int32_t> class_ids);
// The same as a term.
Term cwtm();

// Logits v (N, C) with each row's others than the largest in another order: row n's is drawn by
// rng.child(numbers[n]). Error: other than N numbers.
Tensor permute_others(const Tensor& v, const Rng& rng, std::span<const Index> numbers);

// How soft.
struct DkppOptions {
  Varying temperature = 1;  // T > 0
};

// kd() from answers that are permuted so, as a term. The orders depend on the run's seed, the epoch
// and the place of each image in its set.
Term dkpp(const DkppOptions& options = {});

}  // namespace limbeck
