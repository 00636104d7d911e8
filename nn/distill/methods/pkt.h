// Probabilistic knowledge transfer (PKT): for each image, which others are near it.
//
//   s_ij = cosine of the features of images i and j,   P_ij = (s_ij + 1) / Σ_k (s_ik + 1)
//   loss = (1/N²) Σ_ij P_ij of the teacher · ln((P_ij of the teacher + ε) / (the student's + ε))
//
// with ε = 10⁻⁷: a KL divergence between two neighbourhoods, divided by N² as reference code has it
// (a sum would be N² times as large). Gradient, with R_i = Σ_k (s_ik + 1) and P the student's:
//   g_ij = −P_ij of the teacher / (N² (P_ij + ε)),   ds_ij = (g_ij − Σ_k g_ik P_ik) / R_i,
//   du = (ds + dsᵀ) u for the features u = f / ‖f‖, and df by each one's length.
//
// It is the cheapest method on relations: no adaptor, no option. Weight: 30,000 in reference code.
// Features: those before the classifier. The diagonal, always 1, takes about 2 / (N + 1) of each
// row, so small batches say little. It depends on which images share a batch. In RepDistiller's
// comparison on CIFAR-100 (ResNet-32×4 to 8×4) 73.6 % beside labels, with labels alone 72.5.
//
// Edges: an image of which all features are 0 is equally far from all and has no gradient. One
// image: 0.
//
// Passalis and Tefas, "Learning Deep Representations with Probabilistic Knowledge Transfer", ECCV
// 2018, section 3.
#pragma once

#include "nn/distill/methods/features.h"

namespace limbeck {

// The loss, of features (N, …) → (). Error: features of other images on the two sides, or none.
Tensor pkt_loss(const Tensor& student, const Tensor& teacher);

// The same as a term: 30000 * pkt({"7"}).
Term pkt(const TapPaths& taps);

}  // namespace limbeck
