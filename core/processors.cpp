#include "core/processors.h"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace limbeck {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& file) {
  std::ifstream in(file);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// Of one group's folder, in processors; 0 where there is none ("max", -1, or no such files).
double quota_in(const fs::path& folder) {
  double quota = 0, period = 0;
  std::istringstream(text_of(folder / "cpu.max")) >> quota >> period;
  if (period <= 0) {
    std::istringstream(text_of(folder / "cpu.cfs_quota_us")) >> quota;
    std::istringstream(text_of(folder / "cpu.cfs_period_us")) >> period;
  }
  return quota > 0 && period > 0 ? quota / period : 0;
}

// The least of a group's and those around it, up to where the groups are mounted. In a container
// the path may be that of the host, and not be there: then the mount is the container's own group.
double least_quota(const fs::path& mount, const fs::path& group) {
  double least = 0;
  for (fs::path at = group.relative_path();; at = at.parent_path()) {
    const double quota = quota_in(at.empty() ? mount : mount / at);
    if (quota > 0 && (least == 0 || quota < least)) least = quota;
    if (at.empty()) return least;
  }
}

}  // namespace

namespace detail {

// A line of `groups` is "0::/path" in version 2, "4:cpu,cpuacct:/path" in version 1.
double processor_quota(const std::string& groups, const std::string& mounts) {
  double least = 0;
  std::istringstream lines(groups);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    const bool has_cpu = ("," + controllers + ",").find(",cpu,") != std::string::npos;
    if (!controllers.empty() && !has_cpu) continue;
    for (const char* folder : {"", "cpu", "cpu,cpuacct", "unified"}) {
      const double quota = least_quota(fs::path(mounts) / folder, path);
      if (quota > 0 && (least == 0 || quota < least)) least = quota;
    }
  }
  return least;
}

}  // namespace detail

int available_processors() {
  const double quota = detail::processor_quota(text_of("/proc/self/cgroup"), "/sys/fs/cgroup");
  const int bound_to = omp_get_num_procs();
  if (quota <= 0) return std::max(bound_to, 1);
  return std::clamp(static_cast<int>(std::ceil(quota)), 1, std::max(bound_to, 1));
}

}  // namespace limbeck
