// Matrix products, by BLAS where it is the faster. The only door to it: no other file includes
// cblas.
#pragma once

#include "core/shape.h"

namespace limbeck {

// The sizes of a product, and how its matrices lie: C is m × n.
struct GemmSizes {
  Index m, n, k;             // C is (m, n), and k is summed over
  bool transpose_a = false;  // A is (m, k), or (k, m) if true
  bool transpose_b = false;  // B is (k, n), or (n, k) if true
  bool accumulate = false;   // adds to C instead of overwriting it
  // From a row in memory to the next, where the matrix is a part of a wider one; 0: it is dense.
  Index c_row = 0, a_row = 0, b_row = 0;

  GemmSizes with_rows() const;  // with the distances of dense matrices filled in
};

// What becomes of an element of C before it is written.
struct ProductEnd {
  const real* bias = nullptr;  // bias[column of C] is added, unless null
  bool relu = false;           // and then what is negative becomes 0
};

// C = op(A) op(B), or C += op(A) op(B); all three row-major:
//   for i < m: for j < n: c[i, j] (+)= sum over l < k of op(a)[i, l] · op(b)[l, j]
// Splits C among the threads, rows or columns, and gives each part to BLAS as a product on one
// thread: for the sizes of small networks that is faster than BLAS's own way of sharing the work.
// Parts of a few rows are products of our own (small_product.h), so the last bits may depend on how
// many rows and threads there are.
void gemm(real* c, const real* a, const real* b, const GemmSizes& sizes);

// Whether it is one of few rows, or of a layer of few outputs on some more (small_product.h): BLAS
// would lay out all of B, and that costs more than the product.
bool takes_few_rows(const GemmSizes& sizes);

// Whether gemm() takes our own products (packed_product.h) for BLAS's, which has no kernels for
// this processor (blas_core.h). Where that is so, the first to ask says so on stderr.
bool without_blas();

// The same as one call of BLAS, which shares the work among the threads as it likes.
void blas_gemm(real* c, const real* a, const real* b, const GemmSizes& sizes);

}  // namespace limbeck
