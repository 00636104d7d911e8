// How long something computes, for tests that say how its time grows.
#pragma once

#include <ctime>

namespace limbeck::testing {

// The seconds that this thread has computed so far. What else runs on the machine does not count.
inline double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

}  // namespace limbeck::testing
