// Programs of several processes, where there is an mpirun.
#pragma once

#include <string>
#include <vector>

#include "nn/train/ranks.h"
#include "tests/apps/run_program.h"
#include "tests/testing.h"

namespace limbeck::testing {

// Says so where there is none, or the library is built without MPI.
inline bool can_run_ranks() {
  if (detail::has_mpi() && run_command({"mpirun", "--version"}).exit_code == 0) return true;
  MESSAGE("passed over: there is no mpirun, or the library is built without MPI");
  return false;
}

// A command as so many ranks, more than there are processors perhaps, and also by root. `before`
// are words between `env` and `mpirun`: NAME=VALUE, or {"timeout", "60"}.
inline Finished run_as_ranks(int count, const std::vector<std::string>& words,
                             const std::vector<std::string>& before = {}) {
  const std::string size = std::to_string(count);
  std::vector<std::string> command = {
      "env", "OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1",
      "OMPI_MCA_rmaps_base_oversubscribe=1", "OMPI_MCA_btl_vader_single_copy_mechanism=none",
      "OMPI_MCA_mpi_yield_when_idle=1", "OMP_NUM_THREADS=1",
      // Open MPI unloads its modules before the end, so what these leak has no name to be told by.
      "ASAN_OPTIONS=allocator_may_return_null=1:detect_leaks=0", "LIMBECK_TEST_RANKS=" + size};
  command.insert(command.end(), before.begin(), before.end());
  command.insert(command.end(), {"mpirun", "-n", size});
  command.insert(command.end(), words.begin(), words.end());
  return run_command(command);
}

}  // namespace limbeck::testing
