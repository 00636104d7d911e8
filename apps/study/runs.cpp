#include "apps/study/runs.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>

#include "apps/common/json_text.h"
#include "apps/common/training_log.h"
#include "core/error.h"

namespace limbeck {
namespace {

void append(const std::string& path, const std::string& text) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  const bool written = file >= 0 &&
                       write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                       fsync(file) == 0;
  if (file >= 0) close(file);
  if (!written) fail("study", "{} cannot be written", path);
}

}  // namespace

RunFile::RunFile(std::string path) : path_(std::move(path)) {
  append(path_, "");  // a file that cannot be written is best known now
  std::ifstream in(path_);
  std::string line;
  std::uintmax_t whole = 0;  // bytes of lines that are
  for (int number = 1; std::getline(in, line); ++number) {
    const bool ended = !in.eof();
    const Json entry = Json::parse(line, nullptr, false);
    const bool is_run = entry.is_object() && entry.contains("run") && entry.contains("result");
    if (!ended) break;  // a stop cut it off
    if (!is_run)
      fail("study", "line {} of {} is not a finished run; mend or remove it", number, path_);
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
  append(path_, json_text(Json{{"run", run}, {"result", result}}) + "\n");
  runs_.emplace_back(run, result);
}

std::vector<Json> results_of(const std::vector<Run>& runs, RunFile& file,
                             const std::function<void(const std::string&)>& say) {
  double cost_left = 0;
  std::size_t done = 0;
  for (const Run& run : runs) {
    file.find(run.what) != nullptr ? void(++done) : void(cost_left += run.cost);
  }
  if (done > 0) say(fmt::format("{} of {} runs are done already", done, runs.size()));
  const auto start = std::chrono::steady_clock::now();
  const auto seconds = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  double cost_done = 0;
  std::vector<Json> results;
  for (const Run& run : runs) {
    if (const Json* const before = file.find(run.what)) {
      results.push_back(*before);
      continue;
    }
    const double began = seconds();
    const Json result = run.work();
    file.add(run.what, result);
    results.push_back(result);
    cost_done += run.cost;
    cost_left -= run.cost;
    std::string line = fmt::format("[{:>3}/{}] {}", ++done, runs.size(), run.title);
    if (result.contains("errors")) line += fmt::format("  {} errors", result.at("errors").dump());
    line += fmt::format("  {:.1f} s", seconds() - began);
    if (done < runs.size()) {
      line += fmt::format("  about {} left", duration(seconds() / cost_done * cost_left));
    }
    say(line);
  }
  return results;
}

}  // namespace limbeck
