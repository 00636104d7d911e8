// Where the time of a training step goes: to which op, and whether more threads could share it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/shape.h"

namespace limbeck {

// What an op took in all, forward or backward.
struct OpTime {
  std::string op;         // as record() has it; "rest" for what is between ops
  bool backward = false;  // its gradient function, with the updates that it makes
  Index calls = 0;        // how often it ran
  double ms = 0;          // in all of them
  double alone_ms = 0;    // of that, outside of loops that several threads can share
};

// A loop that several threads can share (core/parallel.h): all of those with the same n and grain.
struct LoopTime {
  Index n, grain;  // as parallel_parts() was given them
  double ms;       // in all
};

// While one lives, what its thread computes is timed. On one thread, the time within the loops of
// parallel_parts() and of products that hold two parts or more is what threads can share, whatever
// their number; all else is done alone: in between, and in loops too short to be split. So
// alone_ms() / ms() is the share of which Amdahl's law speaks. They do not nest: the innermost is
// told. Ops are all told of by record(), which costs some microseconds each.
//
//   const Profile profile;
//   for (int i = 0; i < 10; ++i) adam.minimize(cross_entropy(model(images), class_ids));
//   fmt::print("{:.1f} % alone\n", 100 * profile.alone_ms() / profile.ms());
class Profile {
 public:
  Profile();
  ~Profile();
  Profile(const Profile&) = delete;
  Profile& operator=(const Profile&) = delete;

  double ms() const;                    // since it began, or was cleared
  double alone_ms() const;              // of that, outside of loops that can be shared
  std::vector<OpTime> ops() const;      // what takes longest first
  std::vector<LoopTime> loops() const;  // those that can be shared
  // How long the same would take if each of so many threads computed as fast as this one, and did
  // nothing but its part: what is done alone, and the largest part of each loop.
  double ms_on(int threads) const;
  void clear();  // begins anew

  // The one that times this thread, or null; and what autograd's watchers tell it: what has gone on
  // since it was last told was this.
  static Profile* current();
  void was(const char* op, bool backward);

 private:
  class Clock;
  std::unique_ptr<Clock> clock_;
  Profile* before_;
};

}  // namespace limbeck
