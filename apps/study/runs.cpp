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
