// TrainingLog: what a person sees of a run while it works.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "nn/train/trainer.h"

namespace limbeck {

// Writes to stderr: a line an epoch, warnings under it, and, where stderr is a terminal, a bar with
// the time left that is drawn over itself.
class TrainingLog {
 public:
  explicit TrainingLog(bool quiet);

  // A line of its own.
  void say(const std::string& line);

  // Lets the run with these options report to this log, which must outlive it.
  void follow(TrainOptions& options);
  // A line in place of the bar, over the one before; where stderr is no terminal, nothing.
  void draw_over(const std::string& line);
  // Removes the bar, if there is one.
  void clear_bar();

 private:
  void draw_bar(const Progress& progress);
  void write_epoch(const EpochReport& report);

  using Clock = std::chrono::steady_clock;

  bool quiet_;
  bool terminal_;
  Clock::time_point start_{};
  Clock::time_point drawn_{};
  std::optional<Index> before_{};  // batches of a resumed training that were done before
};

// "8 s", "2 min 05 s".
std::string duration(double seconds);

}  // namespace limbeck
