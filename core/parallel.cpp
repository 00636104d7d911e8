#include "core/parallel.h"

#include <omp.h>

#include "core/error.h"
#include "core/gemm.h"

namespace limbeck {

int threads() {
  return omp_get_max_threads();
}

void set_threads(int n) {
  if (n < 1) fail("set_threads", "the number of threads must be at least 1; got {}", n);
  omp_set_num_threads(n);
  set_gemm_threads(n);
}

}  // namespace limbeck
