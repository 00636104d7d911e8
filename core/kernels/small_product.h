// Products of small matrices that are already laid out for it. BLAS first packs its operands, which
// for a few thousand multiplications costs more than it brings.
#pragma once

#include "core/shape.h"

namespace limbeck {

struct SmallProductSizes {
  Index rows, columns, depth;  // columns: a multiple of `lanes` (core/kernels/vector.h)
  Index c_row;                 // from a row of C to the next
  Index a_row, a_depth;        // from a row of A to the next, and from a column to the next
  Index b_row;                 // from a row of B to the next
  bool accumulate = false;     // adds to C instead of overwriting it
};

// On one thread:
//   for i < rows: for j < columns:
//     c[i · c_row + j] (+)= sum over k < depth of a[i · a_row + k · a_depth] · b[k · b_row + j]
void small_product(real* c, const real* a, const real* b, const SmallProductSizes& sizes);

// A vector and the rows of a matrix, on one thread: y[i] (+)= Σ_k x[k] · b[i · b_row + k] for
// i < rows, k < depth.
struct RowProductSizes {
  Index rows, depth;
  Index b_row;
  bool accumulate = false;
};
void row_products(real* y, const real* x, const real* b, const RowProductSizes& sizes);

}  // namespace limbeck
