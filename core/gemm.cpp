#include "core/gemm.h"

#include <cblas.h>

#include <algorithm>

namespace limbeck {
namespace {

// BLAS has the precision in its functions' names.
#ifdef LIMBECK_REAL_DOUBLE
constexpr auto blas_gemm = cblas_dgemm;
constexpr auto blas_gemv = cblas_dgemv;
#else
constexpr auto blas_gemm = cblas_sgemm;
constexpr auto blas_gemv = cblas_sgemv;
#endif

}  // namespace

void gemm(real* c, const real* a, const real* b, const GemmSizes& sizes) {
  const auto m = static_cast<int>(sizes.m);
  const auto n = static_cast<int>(sizes.n);
  const auto k = static_cast<int>(sizes.k);
  if (m == 0 || n == 0) return;
  if (k == 0) {  // an empty sum, and a leading dimension of 0, which BLAS refuses
    if (!sizes.accumulate) std::fill(c, c + sizes.m * sizes.n, real{0});
    return;
  }
  const real beta = sizes.accumulate ? 1 : 0;
  const auto a_row = static_cast<int>(sizes.a_row);
  const int a_step = a_row > 0 ? a_row : sizes.transpose_a ? m : k;
  if (m == 1 && !(sizes.transpose_a &&
                  a_step > 1)) {  // one row: a matrix times a vector needs none of gemm's packing
    const int rows = sizes.transpose_b ? n : k;
    const int columns = sizes.transpose_b ? k : n;
    blas_gemv(CblasRowMajor, sizes.transpose_b ? CblasNoTrans : CblasTrans, rows, columns, 1, b,
              columns, a, 1, beta, c, 1);
    return;
  }
  blas_gemm(CblasRowMajor, sizes.transpose_a ? CblasTrans : CblasNoTrans,
            sizes.transpose_b ? CblasTrans : CblasNoTrans, m, n, k, 1, a, a_step, b,
            sizes.transpose_b ? k : n, beta, c, n);
}

void set_gemm_threads(int n) {
  openblas_set_num_threads(n);
}

}  // namespace limbeck
