// Matrix products of any sizes, where BLAS has no kernels for the processor (blas_core.h).
#pragma once

#include "core/kernels/gemm.h"

namespace limbeck {

// As gemm(), on one thread, by blocks that fit the caches, both sides laid out for the registers
// (Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication", 2008, section 5).
// The distances from row to row must be given.
void packed_product(real* c, const real* a, const real* b, const GemmSizes& sizes);

}  // namespace limbeck
