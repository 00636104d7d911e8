// Mixing images of a batch: new images between those that there are.
//
// With two images a and b and a share λ in [0, 1],
//   mixup    x = λ a + (1 − λ) b, pixel by pixel
//   cutmix   x = a with a box of b in it, whose share of the pixels is 1 − λ
// What such an image shows is no class, but a little of two: labels are mixed by the same λ
// (mixed_targets). A teacher needs no label for it. Asked about the very image that the student
// sees, it answers what neither has learned, and long training on that is what Beyer et al.,
// "Knowledge distillation: A good teacher is patient and consistent", CVPR 2022, call function
// matching: no labels, mixup in every batch, ten times as many epochs as usual. What the teacher
// would say of a and of b by themselves, mixed, is not its answer to x, and is not to be used for
// it.
//
// No mixed image comes again, so no answer can be kept.
//
// Zhang, Cisse, Dauphin and Lopez-Paz, "mixup: Beyond Empirical Risk Minimization", ICLR 2018;
// Yun et al., "CutMix: Regularization Strategy to Train Strong Classifiers with Localizable
// Features", ICCV 2019, section 3.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "data/dataset.h"

namespace limbeck {

// Changes a batch in place. All that is random comes from `rng`, which the caller makes anew for
// each batch.
using BatchAugmentation = std::function<void(Batch& batch, Rng& rng)>;

// How much is mixed.
struct MixOptions {
  double alpha = 1;        // λ is drawn from Beta(α, α): 1 uniform, near 0 hardly ever between
  double probability = 1;  // of mixing a batch at all
};

// Mixes each image of a batch with another of the same batch, by a random order of them, with one λ
// for all. The labels are then −1, not known. Error: α not a positive number, a probability outside
// [0, 1].
BatchAugmentation mixup(const MixOptions& options = {});
BatchAugmentation cutmix(const MixOptions& options = {});

// Of what a mixed batch is made: share λ of each image itself, and 1 − λ of another.
struct Mixture {
  double share = 1;           // λ
  std::vector<Index> others;  // N: the places in the batch of these
};

// One at random for N images.
Mixture random_mixture(Index images, double alpha, Rng& rng);

// Mixes images (N, C, H, W) in place, all at once: by mixup; by a box around a centre, in pixels
// from the upper left. That gives the share that is true of the box, which ends at the border.
// Error: other than N places, or one that is none.
void mix(Tensor& images, const Mixture& mixture);
double cut_and_mix(Tensor& images, const Mixture& mixture, Index centre_x, Index centre_y);

// Probabilities for soft_cross_entropy, (N, C): λ at an image's own class and 1 − λ at the other's,
// together 1. Their cross-entropy is λ times that with the first and 1 − λ times that with the
// second. Error: other than N places, or a label that is none of C classes.
Tensor mixed_targets(std::span<const std::int32_t> class_ids, const Mixture& mixture,
                     Index classes);

// λ from Beta(α, α), which has the mean ½ and the variance 1 / (8 α + 4). Error: α not positive.
double sample_beta(double alpha, Rng& rng);

// A box of pixels: columns from x0 to before x1, rows from y0 to before y1.
struct CutBox {
  Index x0;  // the first column
  Index x1;  // past the last
  Index y0;  // the first row
  Index y1;  // past the last

  Index area() const { return (x1 - x0) * (y1 - y0); }  // pixels
};

// That of b in an image of H × W, for a share λ of a: its sides are √(1 − λ) of the image's,
// rounded down to an even number, and what lies outside the image is cut off.
CutBox cut_box(Index height, Index width, double share, Index centre_x, Index centre_y);

}  // namespace limbeck
