#include "core/kernels/gemm.h"

#include <cblas.h>
#include <omp.h>

#include <algorithm>
#include <cstdio>
#include <limits>

#include "core/built_for.h"
#include "core/error.h"
#include "core/kernels/blas_core.h"
#include "core/kernels/packed_product.h"
#include "core/kernels/plain.h"
#include "core/kernels/small_product.h"
#include "core/parallel.h"

namespace limbeck {
namespace {

// BLAS has the precision in its functions' names.
#ifdef LIMBECK_REAL_DOUBLE
constexpr auto general_product = cblas_dgemm;
#else
constexpr auto general_product = cblas_sgemm;
#endif

// Multiplications below which a product stays on one thread: about 20 µs.
constexpr Index worth_a_thread = 1'000'000;

// While one lives, BLAS uses so many threads when this thread calls it: it asks OpenMP how many.
class BlasThreads {
 public:
  explicit BlasThreads(int n) : before_(omp_get_max_threads()), dynamic_(omp_get_dynamic()) {
    omp_set_dynamic(0);  // BLAS waits for ever for a thread that OpenMP does not give it
    omp_set_num_threads(n);
  }
  ~BlasThreads() {
    omp_set_num_threads(before_);
    omp_set_dynamic(dynamic_);
  }
  BlasThreads(const BlasThreads&) = delete;
  BlasThreads& operator=(const BlasThreads&) = delete;

 private:
  int before_;
  int dynamic_;
};

void check_sides(const GemmSizes& s) {
  const Index largest = std::max({s.m, s.n, s.k, s.c_row, s.a_row, s.b_row});
  if (largest > std::numeric_limits<int>::max()) {
    fail("gemm", "a matrix with a side of {} is more than BLAS can count", largest);
  }
}

// One call of BLAS.
void call_blas(real* c, const real* a, const real* b, const GemmSizes& s) {
  check_sides(s);
  const auto m = static_cast<int>(s.m), n = static_cast<int>(s.n), k = static_cast<int>(s.k);
  const auto c_row = static_cast<int>(s.c_row), a_row = static_cast<int>(s.a_row),
             b_row = static_cast<int>(s.b_row);
  if (m == 0 || n == 0) return;
  if (k == 0) {  // an empty sum, and a leading dimension of 0, which BLAS refuses
    if (s.accumulate) return;
    for (Index i = 0; i < s.m; ++i) std::fill_n(c + i * s.c_row, s.n, real{0});
    return;
  }
  const real beta = s.accumulate ? 1 : 0;
  general_product(CblasRowMajor, s.transpose_a ? CblasTrans : CblasNoTrans,
                  s.transpose_b ? CblasTrans : CblasNoTrans, m, n, k, 1, a, a_row, b, b_row, beta,
                  c, c_row);
}

void on_one_thread(real* c, const real* a, const real* b, const GemmSizes& s) {
  if (takes_few_rows(s)) {
    return (s.transpose_b ? few_rows_transposed : few_rows)(c, a, b,
                                                            {.rows = s.m,
                                                             .columns = s.n,
                                                             .depth = s.k,
                                                             .c_row = s.c_row,
                                                             .a_row = s.a_row,
                                                             .b_row = s.b_row,
                                                             .accumulate = s.accumulate});
  }
  if (without_blas()) return packed_product(c, a, b, s);
  const BlasThreads one_thread(1);  // where OpenMP gave a team of one, BLAS would start its own
  call_blas(c, a, b, s);
}

}  // namespace

GemmSizes GemmSizes::with_rows() const {
  GemmSizes s = *this;
  if (s.c_row == 0) s.c_row = n;
  if (s.a_row == 0) s.a_row = transpose_a ? m : k;
  if (s.b_row == 0) s.b_row = transpose_b ? k : n;
  return s;
}

bool takes_few_rows(const GemmSizes& s) {
  if (s.transpose_a) return false;
  if (!s.transpose_b) return s.m < 8;
  constexpr Index worth_a_sum = 64;  // of a row's elements: their sum along a vector is dear
  return s.m < 4 || (s.k >= worth_a_sum && (s.m <= 8 || (s.m <= 32 && s.n <= 16)));
}

bool without_blas() {
  static const bool is_slow = [] {
    const char* const core = openblas_get_corename();
    const std::uint64_t present = detail::processor_features();
    const bool own = blas_falls_short(core, detail::built_for);
    if (blas_falls_short(core, present)) {
      std::fputs(blas_complaint(core, present, own).c_str(), stderr);
    }
    return own;
  }();
  return is_slow;
}

void gemm(real* c, const real* a, const real* b, const GemmSizes& given) {
  if (plain_kernels()) return plain_gemm(c, a, b, given);
  const GemmSizes s = given.with_rows();
  if (!takes_few_rows(s) && !without_blas()) check_sides(s);
  const bool by_rows = s.m > s.n;
  const Index all = std::max(s.m, s.n), others = std::min(s.m, s.n);
  const Index grain =
      omp_in_parallel() != 0 ? all : std::max<Index>(worth_a_thread / (others * s.k + 1) + 1, 8);
  parallel_for(all, grain, [=](Index begin, Index end) {
    GemmSizes share = s;
    (by_rows ? share.m : share.n) = end - begin;
    if (by_rows) {
      on_one_thread(c + begin * s.c_row, a + begin * (s.transpose_a ? 1 : s.a_row), b, share);
    } else {
      on_one_thread(c + begin, a, b + begin * (s.transpose_b ? s.b_row : 1), share);
    }
  });
}

void blas_gemm(real* c, const real* a, const real* b, const GemmSizes& sizes) {
  const FlushDenormals flush_denormals;
  const BlasThreads all_threads(threads());
  call_blas(c, a, b, sizes.with_rows());
}

}  // namespace limbeck
