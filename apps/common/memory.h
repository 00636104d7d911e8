// How much memory the process has had, and could have.
#pragma once

#include <sys/resource.h>

#include <cstddef>
#include <cstdio>
#include <fstream>
#include <string>

#include "core/shape.h"

namespace limbeck {

// The largest resident size of this process so far.
inline Index peak_resident_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return Index{usage.ru_maxrss} * 1024;
}

// What the system says that it can still give without swapping; 0 where it does not say.
inline Index available_bytes() {
  std::ifstream memory("/proc/meminfo");
  for (std::string line; std::getline(memory, line);) {
    Index kilobytes = 0;
    if (std::sscanf(line.c_str(), "MemAvailable: %td kB", &kilobytes) == 1) return kilobytes * 1024;
  }
  return 0;
}

}  // namespace limbeck
