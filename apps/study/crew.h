// Crew: the processes that do the runs of a study together: this one alone, those that it starts on
// its machine (--jobs), or the ranks of mpirun, on many machines.
#pragma once

#include <optional>
#include <string>

#include "core/function_ref.h"

namespace limbeck {

// What a process says to another: bytes; or that it is gone, and how that came.
struct Message {
  int from;
  std::string text;
  bool gone = false;
};

// Every process of a crew runs the same program; they are numbered from 0, and 0 is the first,
// which alone reads and writes files and prints. The first speaks to all, and the others to it.
class Crew {
 public:
  virtual ~Crew() = default;

  virtual int rank() const = 0;  // this process's number
  virtual int size() const = 0;  // how many there are
  bool is_first() const { return rank() == 0; }
  // Whether the first does runs, too, beside dealing them.
  virtual bool first_works() const = 0;
  // What people call a process: "job 2", "rank 2 on node7".
  virtual std::string name_of(int rank) const = 0;
  // Error: the other is gone.
  virtual void send(int to, const std::string& text) = 0;
  // The next message, of any process; waits for it at most so many seconds. Nothing: none came.
  virtual std::optional<Message> receive(double seconds) = 0;
};

// Calls `work` with a crew of `jobs` processes that work and this one, the first, which deals; or,
// of one job, of this process alone. The others are copies of this process (fork), so it must have
// run no parallel loop yet. They print nothing: what they throw the first is told. They end when
// this call does, and also when this process is killed. Error: they cannot be started; what `work`
// throws here.
void with_jobs(int jobs, FunctionRef<void(Crew&)> work);

}  // namespace limbeck
