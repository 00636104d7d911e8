#!/bin/sh
# How many compilers to run at once: one a processor that this process may use, fewer where its
# container has a quota of their time, or where there is less than a gigabyte for each.
jobs=$(nproc)
read -r quota period 2> /dev/null < /sys/fs/cgroup/cpu.max || quota=max
if [ "$quota" = max ] && [ -r /sys/fs/cgroup/cpu/cpu.cfs_quota_us ]; then
  read -r quota < /sys/fs/cgroup/cpu/cpu.cfs_quota_us
  read -r period < /sys/fs/cgroup/cpu/cpu.cfs_period_us
fi
if [ "$quota" != max ] && [ "$quota" -gt 0 ]; then
  allowed=$(((quota + period - 1) / period))
  if [ "$allowed" -lt "$jobs" ]; then jobs=$allowed; fi
fi
gigabytes=$(awk '/^MemAvailable/ {print int($2 / 1000000)}' /proc/meminfo)
if [ "${gigabytes:-$jobs}" -lt "$jobs" ]; then jobs=$gigabytes; fi
if [ "$jobs" -lt 1 ]; then jobs=1; fi
echo "$jobs"
