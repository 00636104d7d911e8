#include "core/parallel.h"

#include <omp.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>

#include "core/built_for.h"
#include "core/error.h"
#include "core/processors.h"

namespace limbeck {
namespace {

// Takes core/kernels/processor_check.cpp into every program. It runs by itself and nothing calls
// it, and from an archive the linker takes only what something names.
[[gnu::used]] bool (*const with_processor_check)(std::uint64_t, std::uint64_t, char*,
                                                 unsigned long) = &detail::explain_missing;

int threads_at_first() {
  const int all = std::min(omp_get_max_threads(), omp_get_thread_limit());
  return std::getenv("OMP_NUM_THREADS") != nullptr ? all : std::min(all, available_processors());
}

// Of our own, not OpenMP's: that has one for each thread that a program makes, and belongs to all
// of the program.
std::atomic<int>& thread_count() {
  static std::atomic<int> count{threads_at_first()};
  return count;
}

}  // namespace

int threads() {
  return thread_count().load(std::memory_order_relaxed);
}

void set_threads(int n) {
  if (n < 1) fail("set_threads", "the number of threads must be at least 1; got {}", n);
  const int count = std::min(n, omp_get_thread_limit());  // OMP_THREAD_LIMIT
  check_address_space(count);
  thread_count() = count;
}

void check_address_space(int threads) {
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return;
  const std::size_t bytes = (std::size_t{128} << 20) * static_cast<std::size_t>(threads);
  void* const space = mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (space == MAP_FAILED) {
    fail("threads",
         "{} need {} MB of address space for OpenBLAS, and it is limited to {} MB in all "
         "(ulimit -v): raise the limit or take fewer",
         threads, bytes >> 20, limit.rlim_cur >> 20);
  }
  munmap(space, bytes);
}

void detail::FirstError::keep(Index part) {
  const std::lock_guard lock(mutex_);
  if (error_ && part_ < part) return;
  part_ = part;
  error_ = std::current_exception();
}

void wait_with_short_spin(char** argv) {
  if (std::getenv("GOMP_SPINCOUNT") != nullptr || std::getenv("OMP_WAIT_POLICY") != nullptr) return;
  if (threads() == 1) return;
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error || setenv("GOMP_SPINCOUNT", "1000", 0) != 0) return;
  execv(program.c_str(), argv);  // comes back only if it fails: then all is as it was
}

}  // namespace limbeck
