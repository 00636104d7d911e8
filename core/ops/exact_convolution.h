// Convolution by sums of products alone.
#pragma once

#include "core/ops/convolution.h"

namespace limbeck {

// conv2d, whose result is computed as it is defined. The fast way of conv2d for kernels of 3×3 and
// 5×5, Winograd's transform, divides, and what it divides by are no powers of two. Here integers
// give integers, those of the definition, as long as no part of a sum is above 2²⁴ (2⁵³ where
// elements are doubles): up to there a real holds each of them, so the order of adding does not
// matter. The gradients are conv2d's, by its fast way. Error: that of conv2d.
Tensor exact_conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias,
                    const ConvOptions& options = {});

}  // namespace limbeck
