// Relational knowledge distillation (RKD): how the images of a batch lie to one another.
//
// The student need not put an image where the teacher puts it, only as far from the others, in
// units of the mean distance, and under the same angles. So no width need agree, and a shift, a
// rotation or a scale of all features costs nothing. With h(x) = ½ x² where |x| < 1, else |x| − ½:
//
//   distance   d_ij = ‖f_i − f_j‖, μ its mean over the pairs i ≠ j, ψ_ij = d_ij / μ
//              L_D = (1/N²) Σ_ij h(ψ_ij of the student − ψ_ij of the teacher), each by its own μ
//   angle      c_ijk = the cosine between f_j − f_i and f_k − f_i, 0 where i is j or k
//              L_A = (1/N³) Σ_ijk h(c_ijk of the student − c_ijk of the teacher)
//
// Gradients: μ is the student's, so it is differentiated as well. With h_ij = h'(·) / N²,
// c = Σ h_ij d_ij and M = N (N − 1) pairs,
//   ∂L_D/∂d_ij = h_ij / μ − c / (μ² M),         ∂d_ij/∂f_i = (f_i − f_j) / d_ij
// An angle is a matter of three distances, c_ijk = (d_ij² + d_ik² − d_jk²) / (2 d_ij d_ik). So
// both losses are functions of the N² distances, and the width D is paid for once a pair, not once
// a triple. The angle still costs N³ cosines: 2 million of a batch of 128, a thousand million of
// one of 1024. There take the distance alone.
//
// Features: those before the classifier. Weights: 25 for the distance and 50 for the angle in the
// comparisons of classifiers (RepDistiller, mdistiller), beside the labels. Both values depend on
// which images share a batch. In RepDistiller's comparison on CIFAR-100 (ResNet-32×4 to 8×4, each
// method beside labels alone) 71.9 %, with labels alone 72.5 and with KD 73.3: a term to add.
//
// Edges: two equal rows, which behind a ReLU are no rarity, count as 10⁻⁶ apart in the mean and
// have no gradient for their distance, and angles at them are 0. One image: 0. Two: L_D is 0, as ψ
// is 1 on both sides.
//
// Park, Kim, Lu and Cho, "Relational Knowledge Distillation", CVPR 2019, section 3.
#pragma once

#include "nn/distill/methods/features.h"

namespace limbeck {

// L_D and L_A of features (N, …), which are taken as rows of any widths. Error: features of other
// images on the two sides, or of none.
Tensor rkd_distance_loss(const Tensor& student, const Tensor& teacher);
Tensor rkd_angle_loss(const Tensor& student, const Tensor& teacher);

// The same as terms: 25 * rkd_distance({"7"}) + 50 * rkd_angle({"7"}).
Term rkd_distance(const TapPaths& taps);
Term rkd_angle(const TapPaths& taps);

}  // namespace limbeck
