// The door to matrix products: by BLAS, or by packed panels where these are the faster.
#pragma once

#include <span>

#include "core/function_ref.h"
#include "core/kernels/gemm.h"

namespace limbeck {

// C = op(A) op(B), then the bias and relu: as gemm(), with what follows in the same pass where that
// can be. All three dense; on all threads.
void product(real* c, const real* a, const real* b, const GemmSizes& sizes,
             const ProductEnd& end = {});

// Gets the elements of C from `begin` on: from several threads at once.
using TakePanel = FunctionRef<void(Index begin, std::span<const real> elements)>;

// The same product for somebody who takes its elements as soon as they are there, some of them at a
// time, while they are in the cache: whole rows, or parts of rows where there are few.
void product_in_panels(TakePanel take, const real* a, const real* b, const GemmSizes& sizes);

}  // namespace limbeck
