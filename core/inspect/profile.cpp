#include "core/inspect/profile.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/parallel.h"

namespace limbeck {
namespace {

thread_local Profile* innermost = nullptr;

double now() {
  using namespace std::chrono;
  return duration<double, std::milli>(steady_clock::now().time_since_epoch()).count();
}

}  // namespace

// Loops of other threads, of a DataLoader say, or within a loop that is shared, are not looked at.
class Profile::Clock final : public detail::LoopWatch {
 public:
  Clock() : before_(std::exchange(detail::loop_watch, this)) {}
  ~Clock() { detail::loop_watch = before_; }
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;

  void begin(Index n, Index grain) override {
    const bool shared = n / std::max<Index>(grain, 1) >= 2;
    if (shared && shared_depth_ == 0) {
      n_ = n, grain_ = grain;
      loop_since_ = now();
    }
    loops_open_.push_back(shared);
    if (shared) ++shared_depth_;
  }

  void end() override {
    if (loops_open_.empty()) return;
    const bool shared = loops_open_.back();
    loops_open_.pop_back();
    if (!shared || --shared_depth_ > 0) return;
    const double ms = now() - loop_since_;
    shared_ms_ += ms;
    by_size_[{n_, grain_}] += ms;
  }

  void was(const char* op, bool backward) {
    const double at = now();
    OpTime& entry = ops_[{op, backward}];
    entry.op = op;
    entry.backward = backward;
    ++entry.calls;
    const double ms = at - op_since_, shared = shared_ms_ - op_shared_;
    entry.ms += ms;
    entry.alone_ms += ms - shared;
    op_since_ = at;
    op_shared_ = shared_ms_;
  }

  void clear() {
    ops_.clear();
    by_size_.clear();
    shared_ms_ = op_shared_ = 0;
    since_ = op_since_ = now();
  }

  double ms() const { return now() - since_; }
  double shared_ms() const { return shared_ms_; }
  const auto& ops() const { return ops_; }
  const auto& loops() const { return by_size_; }

 private:
  detail::LoopWatch* const before_;
  std::vector<bool> loops_open_;  // of each: whether it can be shared
  int shared_depth_ = 0;
  Index n_ = 0, grain_ = 0;  // of the outermost that can
  double loop_since_ = 0, shared_ms_ = 0;
  double since_ = now(), op_since_ = since_, op_shared_ = 0;
  std::map<std::pair<std::string, bool>, OpTime> ops_;
  std::map<std::pair<Index, Index>, double> by_size_;
};

Profile::Profile() : clock_(std::make_unique<Clock>()), before_(std::exchange(innermost, this)) {}

Profile::~Profile() {
  innermost = before_;
}

Profile* Profile::current() {
  return innermost;
}

void Profile::was(const char* op, bool backward) {
  clock_->was(op, backward);
}

void Profile::clear() {
  clock_->clear();
}

double Profile::ms() const {
  return clock_->ms();
}

double Profile::alone_ms() const {
  return clock_->ms() - clock_->shared_ms();
}

std::vector<OpTime> Profile::ops() const {
  std::vector<OpTime> all;
  for (const auto& entry : clock_->ops()) all.push_back(entry.second);
  std::ranges::sort(all, std::ranges::greater{}, &OpTime::ms);
  return all;
}

std::vector<LoopTime> Profile::loops() const {
  std::vector<LoopTime> all;
  for (const auto& [size, ms] : clock_->loops()) all.push_back({size.first, size.second, ms});
  return all;
}

double Profile::ms_on(int threads) const {
  double ms = alone_ms();
  for (const LoopTime& loop : loops()) {
    const Index parts = std::min<Index>(threads, loop.n / std::max<Index>(loop.grain, 1));
    const Index largest = (loop.n + parts - 1) / parts;
    ms += loop.ms * static_cast<double>(largest) / static_cast<double>(loop.n);
  }
  return ms;
}

}  // namespace limbeck
