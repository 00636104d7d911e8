// How much of the machine a process may use: fewer processors than there are, where it is bound to
// some of them, or where it is in a container that has a quota of their time.
#pragma once

#include <string>

namespace limbeck {

// The number of processors for this process: at least 1, at most those that it is bound to
// (affinity), and at most the quota of its control groups, rounded up: half a processor is 1. More
// threads than that would wait for one another through the pauses that the quota enforces.
int available_processors();

namespace detail {

// The quota, in processors, 1.5 say, of a process whose /proc/self/cgroup has the text `groups`,
// where control groups are mounted below `mounts` (/sys/fs/cgroup): the least of its group's and
// those around it, in version 2 (cpu.max) or version 1 (cpu.cfs_quota_us). 0: there is none.
double processor_quota(const std::string& groups, const std::string& mounts);

}  // namespace detail
}  // namespace limbeck
