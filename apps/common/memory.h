// How much memory the process has had.
#pragma once

#include <sys/resource.h>

#include "core/shape.h"

namespace limbeck {

// The largest resident size of this process so far.
inline Index peak_resident_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return Index{usage.ru_maxrss} * 1024;
}

}  // namespace limbeck
