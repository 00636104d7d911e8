// Hints (FitNets): the student shall be able to say what the teacher's features are.
//
// A regressor r brings the student's features to the teacher's shape. It is trained with the
// student and thrown away after it:
//
//   loss = mean of (r(f_S) − f_T)²     over all elements, images among them
//
// The paper's ½ ‖r(f_S) − f_T‖², summed over the elements of an image, is that times ½ K H W: a
// weight for one form means nothing for the other. RepDistiller and mdistiller take the mean, with
// weight 100, after the second of four stages. In the paper hints come first, in a training of
// their own up to the guided layer, and distillation follows: until(0.3) * 100 * hint(…) is near to
// that.
//
// The regressor, by the shapes of the two taps:
//   rows to rows             (N, D_S) → (N, D_T): linear
//   maps of the same size    a 1 × 1 convolution
//   of half the size         3 × 3 with stride 2 and padding 1, rounded up
//   smaller ones             a convolution of kernel 1 + s − t, from a side of s to one of t
//   of twice the size        a transposed convolution, 4 × 4 with stride 2 and padding 1
// each followed by batch norm and ReLU if `relu` says so, as in reference code: where the teacher's
// tap is behind its own ReLU, and only there, as what is below 0 could never be met.
//
// When it helps: deep and thin students that plain training does not get going. In RepDistiller's
// comparison on CIFAR-100 (ResNet-32×4 to 8×4) 73.5 % beside labels, with labels alone 72.5;
// between unlike networks it has often ended below these. Weight decay acts on r, too, and pulls
// what the student says towards 0.
//
// Romero et al., "FitNets: Hints for Thin Deep Nets", ICLR 2015, sections 2.2 and 2.3.
#pragma once

#include "nn/distill/methods/features.h"
#include "nn/sequential.h"

namespace limbeck {

// The regressor's end.
struct HintOptions {
  bool relu = false;  // batch norm and ReLU after it
};

// r for features of these shapes, of one image each: (D) or (K, H, W). Error: one is rows and the
// other maps, or sides that none of the ways above leads between.
Sequential hint_regressor(const Shape& student, const Shape& teacher, const HintOptions& options,
                          Rng& rng);

// The loss, of r's output and the teacher's features, of one shape (N, …) → (). Error: two shapes.
Tensor hint_loss(const Tensor& regressed, const Tensor& teacher);

// The same as a term that owns r: 100 * hint({"5", "9"}).
Term hint(const TapPaths& taps, const HintOptions& options = {});

}  // namespace limbeck
