// Similarity preserving (SP): images that activate the teacher alike shall activate the student
// alike.
//
//   A = F Fᵀ of the features as rows, (N, N);   Ã: each row of A divided by its length
//   loss = (1/N²) Σ_ij (Ã_ij of the teacher − the student's)²
//
// Ã is not symmetric, and so its gradient is not: with D = 2 (Ã_S − Ã_T) / N², and dA by each row's
// length (dA_i = (D_i − (D_i · Ã_i) Ã_i) / ‖A_i‖),   dF = (dA + dAᵀ) F.
//
// Nothing has to fit but the images: widths, maps and their sizes may differ. Weight: 3000 in the
// paper and in reference code, as a value is a mean over N² entries of which most agree; taps: the
// last stage's maps, before pooling. It depends on which images share a batch. In RepDistiller's
// comparison on CIFAR-100 (ResNet-32×4 to 8×4) 72.9 % beside labels, with labels alone 72.5.
//
// Edges: of an image without features, all 0, the row is one of zeros and has no gradient; it still
// counts in the rows of the others. One image: 0.
//
// Tung and Mori, "Similarity-Preserving Knowledge Distillation", ICCV 2019, section 3.
#pragma once

#include "nn/distill/methods/features.h"

namespace limbeck {

// The loss, of features (N, …) → (). Error: features of other images on the two sides, or none.
Tensor similarity_loss(const Tensor& student, const Tensor& teacher);

// The same as a term: 3000 * similarity({"7"}).
Term similarity(const TapPaths& taps);

}  // namespace limbeck
