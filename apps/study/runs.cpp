#include "apps/study/runs.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>

#include "apps/common/append.h"
#include "apps/common/json_text.h"
#include "apps/common/training_log.h"
#include "core/error.h"
#include "core/files/json_check.h"

namespace limbeck {
namespace {

constexpr const char* op = "study";

Json part_of(const Json& result, const std::string& key) {
  const Json::json_pointer at("/" + key);
  return result.contains(at) ? result.at(at) : Json();
}

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}

}  // namespace

std::string short_name(const std::string& text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return fmt::format("{:016x}", hash);
}

std::string in_file(const std::string& spec) {
  constexpr std::size_t longest = 40;
  std::string name = spec.substr(0, longest);
  std::ranges::replace_if(
      name, [](char c) { return !is_plain(c); }, '-');
  const bool as_it_is = spec.size() <= longest && std::ranges::all_of(spec, [](char c) {
                          return is_plain(c) || c == ':' || c == ',';
                        });
  return as_it_is ? name : name + "-" + short_name(spec);
}

RunFile::RunFile(std::string path) : path_(std::move(path)) {
  append_to_file(op, path_, "");  // a file that cannot be written is best known now
  std::ifstream in(path_);
  std::string line;
  std::uintmax_t whole = 0;  // bytes of lines that are
  for (int number = 1; std::getline(in, line); ++number) {
    if (in.eof()) break;  // a stop cut it off
    const Json entry =
        detail::json_fault(line).empty() ? Json::parse(line, nullptr, false) : Json();
    if (!entry.is_object() || !entry.contains("run") || !entry.contains("result")) {
      fail(op, "line {} of {} is not a finished run; mend or remove it", number, path_);
    }
    runs_.emplace_back(entry.at("run"), entry.at("result"));
    whole += line.size() + 1;
  }
  std::filesystem::resize_file(path_, whole);
}

const Json* RunFile::find(const Json& run) const {
  const auto found = std::ranges::find(runs_, run, &std::pair<Json, Json>::first);
  return found != runs_.end() ? &found->second : nullptr;
}

void RunFile::add(const Json& run, const Json& result) {
  append_to_file(op, path_, json_text(Json{{"run", run}, {"result", result}}) + "\n",
                 Reached::disk);
  runs_.emplace_back(run, result);
}

Index count_of(const Json& json, const char* what) {
  const auto count = detail::json_count(json);
  if (!count || *count > std::numeric_limits<std::int32_t>::max()) {
    fail(op, "a finished run has {} for {}, which is no count; mend or remove its line",
         json.dump(), what);
  }
  return *count;
}

Index count_in(const Json& result, const std::string& key) {
  return count_of(part_of(result, key), key.c_str());
}

double number_in(const Json& result, const std::string& key) {
  const Json number = part_of(result, key);
  if (!number.is_number() || !std::isfinite(number.get<double>())) {
    fail(op, "a finished run has {} for {}, which is no number; mend or remove its line",
         number.dump(), key);
  }
  return number.get<double>();
}

namespace {

// Runs with those that they need, each once and behind those that it needs itself.
struct RunList {
  std::vector<const Run*> runs{};
  std::vector<Task> tasks{};

  std::size_t add(const Run& run, bool only_for_others) {
    for (std::size_t i = 0; only_for_others && i < runs.size(); ++i) {
      if (runs[i]->what == run.what) return i;
    }
    Task task{
        .cost = run.cost, .work = run.work, .learn = run.learn, .only_for_others = only_for_others};
    for (const Run& needed : run.needs) task.after.push_back(add(needed, true));
    runs.push_back(&run);
    tasks.push_back(std::move(task));
    return runs.size() - 1;
  }
};

// What is said of runs while they are done.
class RunTeller {
 public:
  RunTeller(const std::vector<const Run*>& runs, std::size_t count, std::size_t done,
            const RunVoice& voice)
      : runs_(runs), count_(count), done_(done), voice_(voice) {}

  void began(std::size_t i) {
    if (runs_[i]->learn) voice_.say(runs_[i]->title);
  }

  void done(std::size_t i, const Json& result, double seconds, const Standing& standing) {
    const Run& run = *runs_[i];
    std::string line =
        run.learn ? run.title : fmt::format("[{:>3}/{}] {}", ++done_, count_, run.title);
    if (result.contains("errors")) line += fmt::format("  {} errors", result.at("errors").dump());
    line += fmt::format("  {:.1f} s", seconds);
    if (done_ < count_ && !run.learn) line += left(standing);
    voice_.say(line);
  }

  void show(const Standing& standing) const {
    constexpr int width = 24;
    const double all = standing.cost_done + standing.cost_left;
    const double share = all > 0 ? standing.cost_done / all : 0;
    std::string bar;
    for (int i = 0; i < width; ++i) bar += i < width * share ? "█" : "░";
    const std::string of = count_ > 0 ? fmt::format("{}/{} runs  ", done_, count_) : "";
    voice_.show(fmt::format("  {}{}  {:>3.0f} %  {} at work{}", of, bar, 100 * share,
                            standing.at_work, share > 0 ? left(standing) : ""));
  }

 private:
  std::string left(const Standing& standing) const {
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    return fmt::format("  about {} left",
                       duration(seconds / standing.cost_done * standing.cost_left));
  }

  const std::vector<const Run*>& runs_;
  std::size_t count_, done_;
  const RunVoice& voice_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace

std::vector<Json> results_of(const std::vector<Run>& runs, const RunStore& store,
                             const RunVoice& voice, Dealer& dealer) {
  RunList list;
  std::vector<std::size_t> places;
  for (const Run& run : runs) places.push_back(list.add(run, false));
  std::size_t done = 0;
  if (dealer.crew().is_first()) {
    for (const Run& run : runs) done += !run.learn && store.find(run) ? 1U : 0U;
    if (done > 0) voice.say(fmt::format("{} of {} runs are done already", done, runs.size()));
  }
  const auto counted = std::ranges::count_if(runs, [](const Run& run) { return !run.learn; });
  RunTeller teller(list.runs, static_cast<std::size_t>(counted), done, voice);
  const DealHooks hooks{
      .find = [&](std::size_t i) { return store.find(*list.runs[i]); },
      .began = [&](std::size_t i) { teller.began(i); },
      .done =
          [&](std::size_t i, const Json& result, double seconds, const Standing& standing) {
            store.add(*list.runs[i], result);
            teller.done(i, result, seconds, standing);
          },
      .failed =
          [&](const std::string& why) {
            voice.say(why + "; the others end the runs that they are at");
          },
      .show =
          [&](const Standing& standing) {
            if (voice.show) teller.show(standing);
          }};
  const std::vector<Json> all =
      dealer.deal(list.tasks, hooks, [&](std::size_t i) { return list.runs[i]->title; });
  std::vector<Json> results;
  for (const std::size_t place : places) results.push_back(all[place]);
  return results;
}

}  // namespace limbeck
