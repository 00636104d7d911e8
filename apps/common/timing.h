// How long something takes, on a machine that others use too.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>

#include "core/function_ref.h"

namespace limbeck {

// The mean of so many calls, in milliseconds.
inline double ms_each(int times, FunctionRef<void()> work) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  for (int i = 0; i < times; ++i) work();
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count() / times;
}

// The best of five such means, after a warm-up; each takes about as long as is asked for.
inline double best_ms(double ms_a_mean, FunctionRef<void()> work) {
  work();
  const double once = std::min(ms_each(1, work), ms_each(1, work));
  const int times = static_cast<int>(std::clamp(ms_a_mean / std::max(once, 1e-6), 1.0, 1e5));
  double best = INFINITY;
  for (int round = 0; round < 5; ++round) best = std::min(best, ms_each(times, work));
  return best;
}

}  // namespace limbeck
