// Threads: how many, and a loop that uses them only where the work pays for waking them.
//
// All parallel work runs in OpenMP's one team, which OpenBLAS (in its OpenMP build) shares. OpenMP
// ends threads when a loop asks for fewer of them than the one before, and makes them anew when the
// next asks for more, which costs more than most loops. So a loop has all threads or one.
#pragma once

#include <algorithm>
#include <exception>
#include <mutex>

#include "core/denormals.h"
#include "core/shape.h"

namespace limbeck {

// The number of threads for loops and matrix products. At first: OMP_NUM_THREADS where that is set,
// else the processors that this process may use, by its affinity and by the quota of its container.
int threads();
// For all threads of the program, and no more than OMP_THREAD_LIMIT. Error: n < 1, or no address
// space for so many.
void set_threads(int n);
// That last error: OpenBLAS maps 128 MB a thread, and where a limit (ulimit -v) does not allow that
// it tries for ever.
void check_address_space(int threads);

// While a thread waits for the next loop or for the others, libgomp lets it spin, for milliseconds:
// that is the fastest where nothing else runs. Beside a compiler or a browser it takes the time
// that the work needs, and a training takes twice as long. A short spin loses little in either
// case, but libgomp reads how long from the environment, before main() begins. So this starts the
// program anew, once, with GOMP_SPINCOUNT=1000 set; to be called first in main(), with its argv.
// Does nothing where the environment has that, or OMP_WAIT_POLICY, or where there is one processor.
void wait_with_short_spin(char** argv);

// Elements below which a simple elementwise loop stays on one thread: 32 thousand take about as
// long as waking a second thread.
inline constexpr Index elementwise_grain = 32 * 1024;

// Into how many parts parallel_parts() and parallel_for() split n items.
inline Index part_count(Index n, Index grain) {
  return std::max<Index>(1, std::min<Index>(threads(), n / std::max<Index>(grain, 1)));
}

namespace detail {

// Who is told of loops as they begin, with what parallel_parts() was given, and end: a profile
// (core/inspect/profile.h). Each thread has its own.
class LoopWatch {
 public:
  virtual void begin(Index n, Index grain) = 0;
  virtual void end() = 0;

 protected:
  ~LoopWatch() = default;
};

inline thread_local LoopWatch* loop_watch = nullptr;  // null: nobody

class WatchedLoop {
 public:
  WatchedLoop(Index n, Index grain) : watch_(loop_watch) {
    if (watch_ != nullptr) watch_->begin(n, grain);
  }
  ~WatchedLoop() {
    if (watch_ != nullptr) watch_->end();
  }
  WatchedLoop(const WatchedLoop&) = delete;
  WatchedLoop& operator=(const WatchedLoop&) = delete;

 private:
  LoopWatch* watch_;
};

// The exception of the first part that threw one.
class FirstError {
 public:
  void keep(Index part);  // the one being handled, by the thread that handles it
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::mutex mutex_;
  Index part_ = 0;
  std::exception_ptr error_;
};

}  // namespace detail

// Calls body(part, begin, end) for contiguous parts that together cover [0, n), in parallel if n
// holds two or more parts of at least `grain`. What a body throws is thrown here, when all have
// ended; of several, that of the first part. Parts depend on n and the number of threads alone, so
// results are the same from run to run. Denormals are taken for 0.
template <class Body>
void parallel_parts(Index n, Index grain, const Body& body) {
  const detail::WatchedLoop watched(n, grain);
  const Index parts = part_count(n, grain);
  if (parts == 1) {
    const FlushDenormals flush_denormals;
    if (n > 0) body(Index{0}, Index{0}, n);
    return;
  }
  detail::FirstError error;
#pragma omp parallel for num_threads(threads()) schedule(static, 1)
  for (Index p = 0; p < parts; ++p) {
    const FlushDenormals flush_denormals;
    try {
      body(p, n * p / parts, n * (p + 1) / parts);
    } catch (...) {
      error.keep(p);
    }
  }
  error.rethrow();
}

// The same for a body(begin, end) that need not know which part it is.
template <class Body>
void parallel_for(Index n, Index grain, const Body& body) {
  parallel_parts(n, grain, [&](Index, Index begin, Index end) { body(begin, end); });
}

}  // namespace limbeck
