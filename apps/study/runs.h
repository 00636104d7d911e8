// Runs: the trainings of a study, each done once, also if the study is stopped and started again.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "apps/study/dealer.h"
#include "core/shape.h"

namespace limbeck {

// Finished runs: a file with a line for each, {"run": what it was, "result": what came out}.
class RunFile {
 public:
  // Reads what is there, and removes a last line that a stop cut off. Error: a file that cannot be
  // read or written, or another line that is not a run's.
  explicit RunFile(std::string path);

  // The result of the run that this describes, or null.
  const Json* find(const Json& run) const;
  // Writes a line, through to the disk. Error: it cannot be written.
  void add(const Json& run, const Json& result);

 private:
  std::string path_;
  std::vector<std::pair<Json, Json>> runs_;
};

// A count of a result, `what` of people. Error: it is none, as a file that was changed may have.
Index count_of(const Json& json, const char* what);

// That of a finished run under a key; of a list the i-th: "errors/3". Error: there is none, too.
Index count_in(const Json& result, const std::string& key);
// Likewise a finite number.
double number_in(const Json& result, const std::string& key);

// A short name for a file, of a text: sixteen digits (FNV-1a).
std::string short_name(const std::string& text);
// A network's spec as a part of a file's name: mlp-30-30 of "mlp:30,30". One that is longer than 40
// characters or has others than letters, digits, ':' and ',' is cut and has its short_name behind.
std::string in_file(const std::string& spec);

// A run that is to be done: what it is, all that its result depends on included; what people call
// it; about how long it takes, in any unit; the work, which gives the result.
struct Run {
  Json what;
  std::string title;
  double cost;
  std::function<Json()> work;
  // Others that must be done before, of which several runs may have the same: their teachers.
  std::vector<Run> needs{};
  // Of one that others need: told of its result, wherever one of them is done.
  std::function<void(const Json& result)> learn{};
};

// Where results are, and where they go. Of a crew (apps/study/crew.h) the first process alone asks.
struct RunStore {
  std::function<std::optional<Json>(const Run&)> find;
  std::function<void(const Run&, const Json& result)> add;
};

// What a person sees: lines, and one, where lines can be drawn over, of how far all is.
struct RunVoice {
  std::function<void(const std::string&)> say;
  std::function<void(const std::string&)> show{};
};

// The results of runs, in order. Those in the store are taken from there; the others are done by
// the dealer's crew, of which each process calls this with the same runs, and added to it. What
// runs need is done where a run that is still to be done does. `say` gets a line for each run that
// is done, with its errors if the result has them, its time and the time left.
std::vector<Json> results_of(const std::vector<Run>& runs, const RunStore& store,
                             const RunVoice& voice, Dealer& dealer);

}  // namespace limbeck
