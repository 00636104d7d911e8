// Dealer: gives pieces of work to the processes of a crew as they become free, the longest first.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "apps/study/crew.h"
#include "core/error.h"

namespace limbeck {

using Json = nlohmann::ordered_json;

// A piece of work that any process of a crew can do. All of them have the same list of these.
struct Task {
  double cost = 1;                           // about how long it takes, in any unit
  std::function<Json()> work;                // gives the result
  std::vector<std::size_t> after{};          // earlier tasks of the list that must be done before
  std::function<void(const Json&)> learn{};  // called with its result where another task needs it
  bool only_for_others = false;              // done only if a task that is not done needs it
};

// How far the tasks are that were to do.
struct Standing {
  std::size_t at_work = 0;              // how many are being done
  double cost_done = 0, cost_left = 0;  // of those at work a part each
};

// What the first process does beside dealing. It is called there alone.
struct DealHooks {
  std::function<std::optional<Json>(std::size_t task)> find;  // a result that is there already
  std::function<void(std::size_t task)> began;
  std::function<void(std::size_t task, const Json& result, double seconds, const Standing&)> done;
  std::function<void(const std::string& why)> failed;  // while others go on with their tasks
  std::function<void(const Standing&)> show;           // now and then
};

// Thrown at a process whose crew stops early: the first says why.
class Dismissed : public Error {
 public:
  using Error::Error;
};

// Tells the first process that this one cannot go on.
void tell_failure(Crew& crew, const std::string& what);

class Dealer {
 public:
  explicit Dealer(Crew& crew) : crew_(crew) {}

  const Crew& crew() const { return crew_; }

  // The results of all tasks; null for those that nothing needed, and at others than the first for
  // those with something to learn. To be called by all of the crew with the same tasks. A process
  // alone does them in order. After it each process has learned what any did. Error: what a task
  // throws, or a process that is gone, with the task's title; by then the tasks that others had
  // begun are done, too. Stopped: a signal came.
  std::vector<Json> deal(const std::vector<Task>& tasks, const DealHooks& hooks,
                         const std::function<std::string(std::size_t)>& title_of);

  // Whether this process does a task just now.
  bool at_work() const { return mine_.has_value(); }
  // How far that is, from 0 to 1. To be called often: here the first process, if it works, too,
  // hears the others.
  void progress(double share);

 private:
  enum class State { unneeded, open, dealt, done };
  struct Worker {
    bool gone = false, idle = false;
    std::optional<std::size_t> task{};
    double share = 0;               // of the task that is done
    std::set<std::size_t> knows{};  // results that it has learned
  };
  // A deal, at the first process.
  struct Deal {
    const std::vector<Task>& tasks;
    const DealHooks& hooks;
    const std::function<std::string(std::size_t)>& title_of;
    std::vector<State> states{};
    std::vector<Json> results{};
    std::vector<double> priorities{};  // its cost and that of the costliest way on from it
    std::map<int, Worker> workers{};
    double cost_done = 0;   // of tasks that are done here
    std::string failure{};  // the first; nothing more is dealt then
  };

  std::vector<Json> alone(Deal& deal);
  std::vector<Json> work(const std::vector<Task>& tasks);
  void look_what_is_there(Deal& deal);
  void deal_to_idle(Deal& deal);
  void work_as_first(Deal& deal, std::size_t task);
  std::optional<std::size_t> next(const Deal& deal) const;
  void give(Deal& deal, int to, std::size_t task);
  void hear(Deal& deal, const Message& message);
  void note_failure(Deal& deal, const std::string& why);
  void finish(Deal& deal, std::size_t task, Json result, double seconds);
  void end(Deal& deal);
  Standing standing(const Deal& deal) const;
  void show(const Deal& deal);
  bool anybody_works(const Deal& deal) const;

  Crew& crew_;
  int deals_ = 0;                      // begun so far, with the one that is going on
  Deal* deal_ = nullptr;               // that is going on, at the first process
  std::optional<std::size_t> mine_{};  // the task that this process does
  double share_ = 0;                   // of it that is done
  std::chrono::steady_clock::time_point told_{};
};

}  // namespace limbeck
