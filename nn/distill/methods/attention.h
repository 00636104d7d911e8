// Attention transfer (AT): where on the image a stage of the network is busy.
//
// The attention map of feature maps F (N, K, H, W) is one number a position, whatever the number of
// channels, so widths need not agree:
//
//   Q = Σ_k |F_k|^p                      over the channels, H · W positions of an image
//   u = Q / ‖Q‖                          a mean over the channels would be the same
//   loss = mean of (u_S − u_T)²          over images and positions
//
// Gradient: with d that for u,   dQ = (d − (d · u) u) / ‖Q‖,   dF_k = dQ · p |F_k|^(p−1) sign F_k.
// Maps of different sizes: the larger side is averaged down to the smaller.
//
// The paper has ‖u_S − u_T‖ where this has its square; its derivative has no bound where the two
// meet, so reference code (and this) takes the square. Weight: 1000 in RepDistiller and mdistiller,
// beside labels at 1; p = 2. Taps: the output of a stage, after its last addition or pooling;
// several stages are several terms, each with a Term::name of its own. In RepDistiller's comparison
// on CIFAR-100 73.4 % beside labels from a ResNet-32×4 to an 8×4, with labels alone 72.5; between
// unlike networks 5 to 6 points below labels alone.
//
// Edges: a map of zeros (a dead channel everywhere) has u = 0 and no gradient. One image is as good
// as many: no image sees another. Features times 3 change nothing.
//
// Zagoruyko and Komodakis, "Paying More Attention to Attention", ICLR 2017, section 3.1.
#pragma once

#include "nn/distill/methods/features.h"

namespace limbeck {

// Which map.
struct AttentionOptions {
  double power = 2;  // p ≥ 1: a higher one looks at the strongest channel
};

// u: (N, K, H, W) → (N, H · W). Error: another rank than 4, no elements, or p below 1.
Tensor attention_map(const Tensor& maps, const AttentionOptions& options = {});

// The loss, of maps with any numbers of channels and of any sizes. Error: as above, or different
// images on the two sides.
Tensor attention_loss(const Tensor& student, const Tensor& teacher,
                      const AttentionOptions& options = {});

// The same as a term: 1000 * attention_transfer({"5", "9"}).
Term attention_transfer(const TapPaths& taps, const AttentionOptions& options = {});

// x (N, K, H, W) averaged to planes of `height` × `width`: pixel i of h has the mean of the pixels
// from ⌊i H / h⌋ to ⌈(i + 1) H / h⌉ (PyTorch's adaptive_avg_pool2d), in columns likewise.
// Error: another rank than 4, or sizes that are not from 1 to those of x.
Tensor adaptive_avg_pool2d(const Tensor& x, Index height, Index width);

}  // namespace limbeck
