// Random distortion: images as another hand, or the same hand at another time, would have written
// them. Turning, stretching, leaning, moving, and bending like rubber, in one resampling.
#pragma once

#include <vector>

#include "data/augment.h"
#include "data/resampling.h"

namespace limbeck {

// How strong each part is; all are off at first. Every random number is uniform.
struct DistortionOptions {
  double rotation = 0;  // degrees: turned by an angle in ±rotation
  double scale = 0;     // width and height each multiplied by a factor in 1 ± scale
  double shear = 0;     // leaning: the top moves sideways by a part in ±shear of the height
  double shift = 0;     // pixels: moved sideways, and up or down, by a distance in ±shift
  // Elastic: the pixels move by the smooth random field of add_elastic(), below.
  double elastic_alpha = 0;  // the field's strength
  double elastic_sigma = 4;  // the field's smoothness, in pixels
};

// Strengths for MNIST, weak enough that a network can still read what comes out. The elastic part,
// a displacement of 0.4 pixels, is far below what the literature names: sigma 4 and alpha 34
// (Simard and others, 2003; see below), sigma 5 to 6 and alpha 36 to 38 (Cireşan, Meier,
// Gambardella, Schmidhuber, "Deep, Big, Simple Neural Nets for Handwritten Digit Recognition",
// 2010). Normalised as below, those strengths make digits that even a network trained on such
// images often misreads.
inline constexpr DistortionOptions mnist_distortion{.rotation = 10,
                                                    .scale = 0.1,
                                                    .shear = 0.1,
                                                    .shift = 2,
                                                    .elastic_alpha = 12,
                                                    .elastic_sigma = 5};

// What programs call "distort": seven images of ten by mnist_distortion, the others by
// random_shift, which leaves every pixel as sharp as it was. Interpolation blurs, and a network
// that has seen only blurred images is worse at sharp ones.
Augmentation distorted_mnist();

// Distorts by a new random map for each image, the same for all its channels; what comes in from
// outside is background, 0. All parts together are one map and one bilinear interpolation, so the
// image is blurred once only. With all strengths 0 it stays the same, bit for bit.
// Error: a strength that is negative or not finite, scale ≥ 1, elastic_sigma not above 0.
Augmentation random_distortion(const DistortionOptions& options);

// Elastic distortion (Simard, Steinkraus, Platt, "Best Practices for Convolutional Neural Networks
// Applied to Visual Document Analysis", ICDAR 2003, section 2): moves every source by a vector
// whose two components are fields of independent numbers in (−1, 1), smoothed by `kernel` and
// multiplied by alpha. The kernel sums to 1 and that is the only normalisation. (The paper also
// speaks of fields scaled to norm 1. On a 28 × 28 image that is nearly as strong, 34 / 28 = 1.2
// pixels instead of 1.4, but it bends every image equally much, and the less, the larger it is.)
// So, with a Gaussian, the standard deviation of a component is, in pixels, about
//   alpha / (2 sigma √(3π)) = 0.163 alpha / sigma
// and the same at every pixel: the noise reaches as far past the image's borders as the kernel.
void add_elastic(Sources& sources, const std::vector<real>& kernel, double alpha, Rng& rng);

// exp(−t² / (2 sigma²)) at t = −r … r, divided by their sum; r is 3 sigma, rounded up.
std::vector<real> gaussian_kernel(double sigma);

// y[i, j] = Σ_s Σ_t kernel[s] kernel[t] x[i + s, j + t]: smooths all that has the kernel's whole
// width around it, (H + 2r, W + 2r) → (H, W). Down the columns first, then along the rows: 2r + 1
// products twice instead of (2r + 1)². Error: x has another size.
std::vector<real> smooth(std::vector<real> x, Index height, Index width,
                         const std::vector<real>& kernel);

}  // namespace limbeck
