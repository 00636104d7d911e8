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

// Products of a few rows, a batch of some images, with a layer's weights, which are read where they
// lie and from memory but once. On one thread; C is (rows, columns), and all three are row-major.
struct FewRowsSizes {
  Index rows, columns, depth;
  Index c_row, a_row, b_row;  // from a row to the next
  bool accumulate = false;    // adds to C instead of overwriting it
};

// c[i, j] (+)= Σ_k a[i, k] · b[j, k]: of B's rows, as sums along vectors.
void few_rows_transposed(real* c, const real* a, const real* b, const FewRowsSizes& sizes);
// c[i, j] (+)= Σ_k a[i, k] · b[k, j]: B's rows are added up, four at a time.
void few_rows(real* c, const real* a, const real* b, const FewRowsSizes& sizes);

}  // namespace limbeck
