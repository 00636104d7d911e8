// Ctrl-C and SIGTERM as a question that a program asks where it can stop.
#pragma once

namespace limbeck {

// While it lives, the first SIGINT or SIGTERM is only remembered. A second one ends the program, as
// the first would without this.
class StopSignal {
 public:
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  static bool came();
};

}  // namespace limbeck
