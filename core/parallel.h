// Threads: how many, and a loop that uses them only where the work pays for waking them.
//
// All parallel work runs in OpenMP's one pool, which OpenBLAS (in its OpenMP build) shares.
#pragma once

#include <algorithm>

#include "core/shape.h"

namespace limbeck {

// The number of threads for loops and matrix products. At first: all that OpenMP sees.
int threads();
// Error: n < 1.
void set_threads(int n);

// Elements below which a simple elementwise loop stays on one thread: 32 thousand take about as
// long as waking a second thread.
inline constexpr Index elementwise_grain = 32 * 1024;

// Into how many parts parallel_parts() and parallel_for() split n items.
inline Index part_count(Index n, Index grain) {
  return std::max<Index>(1, std::min<Index>(threads(), n / std::max<Index>(grain, 1)));
}

// Calls body(part, begin, end) for contiguous parts that together cover [0, n), in parallel if n
// holds two or more parts of at least `grain`. The body must not throw. Parts depend on n and the
// number of threads alone, so results are the same from run to run.
template <class Body>
void parallel_parts(Index n, Index grain, const Body& body) {
  const Index parts = part_count(n, grain);
  if (parts == 1) {
    if (n > 0) body(Index{0}, Index{0}, n);
    return;
  }
#pragma omp parallel for num_threads(static_cast <int>(parts)) schedule(static)
  for (Index p = 0; p < parts; ++p) body(p, n * p / parts, n * (p + 1) / parts);
}

// The same for a body(begin, end) that need not know which part it is.
template <class Body>
void parallel_for(Index n, Index grain, const Body& body) {
  parallel_parts(n, grain, [&](Index, Index begin, Index end) { body(begin, end); });
}

}  // namespace limbeck
