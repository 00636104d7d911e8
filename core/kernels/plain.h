// The definitions: what the kernels of this folder compute, as loops that nobody has made fast. The
// tests compare the others with them, and with LIMBECK_KERNELS=plain in the environment everything
// runs on them: if a result is wrong and stays wrong, no kernel is to blame.
//
// Sums are kept in double. One thread, no particular order of memory, no vector in sight.
#pragma once

#include "core/kernels/conv_kernels.h"
#include "core/kernels/gemm.h"
#include "core/kernels/pool_kernels.h"

namespace limbeck {

// Whether the environment asks for them. Error: LIMBECK_KERNELS has another value than "plain".
bool plain_kernels();

// As gemm().
void plain_gemm(real* c, const real* a, const real* b, const GemmSizes& sizes);

// As conv_forward() and conv_backward().
void plain_conv_forward(const ConvForward& f, const ConvSizes& sizes);
void plain_conv_backward(const ConvBackward& b, const ConvSizes& sizes);

// As the kernels without "plain".
void plain_max_pool_forward(real* y, Argmax* argmax, const real* x, const PoolSizes& sizes);
void plain_max_pool_backward(real* dx, const real* dy, const Argmax* argmax,
                             const PoolSizes& sizes);
void plain_avg_pool_forward(real* y, const real* x, const PoolSizes& sizes);
void plain_avg_pool_backward(real* dx, const real* dy, const PoolSizes& sizes);

}  // namespace limbeck
