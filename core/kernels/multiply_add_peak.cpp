#include "core/kernels/multiply_add_peak.h"

#include <algorithm>
#include <chrono>

#include "core/kernels/product_tile.h"
#include "core/parallel.h"
#include "core/scratch.h"

namespace limbeck {
namespace {

// Enough for two units of five cycles, and no more than there are registers for.
constexpr int chains = 12;
constexpr Index lanes_of_one = wide_bytes / static_cast<Index>(sizeof(real));

}  // namespace

real chains_of_multiply_adds(Index steps, real factor, real summand) {
  const Wide f = factor - Wide{}, s = summand - Wide{};
  Wide x[chains];
  for (int j = 0; j < chains; ++j) x[j] = static_cast<real>(j) - Wide{};
  for (Index i = 0; i < steps; ++i) {
    for (Wide& v : x) v = v * f + s;
  }
  Wide sum{};
  for (const Wide& v : x) sum += v;
  return sum[0];
}

double multiply_add_peak() {
  using Clock = std::chrono::steady_clock;
  constexpr Index steps = 200'000;  // some ms
  Scratch<real> results(threads());
  double best = 0;
  for (int round = 0; round < 5; ++round) {
    const auto start = Clock::now();
    parallel_parts(threads(), 1, [&](Index, Index begin, Index end) {
      for (Index i = begin; i < end; ++i) {
        results.data()[i] = chains_of_multiply_adds(steps, real{0.5}, static_cast<real>(i));
      }
    });
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    const auto done = static_cast<double>(threads() * steps * chains * lanes_of_one);
    best = std::max(best, done / seconds * 1e-9);
  }
  return best;
}

}  // namespace limbeck
