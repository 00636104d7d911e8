#include "apps/common/run_log.h"

#include <charconv>
#include <filesystem>
#include <utility>
#include <vector>

#include "apps/common/append.h"
#include "core/files/file.h"

namespace limbeck {
namespace {

constexpr const char* op = "run_log";

// A column's name and the epoch's number in it, if it is known.
using Column = std::pair<const char*, std::optional<double>>;

std::vector<Column> columns_of(const EpochReport& r, std::optional<double> temperature) {
  std::optional<double> errors;
  if (r.errors) errors = static_cast<double>(*r.errors);
  return {{"loss", r.loss},
          {"hard", r.hard},
          {"soft", r.soft},
          {"errors", errors},
          {"agreement", r.agreement},
          {"lr", r.lr},
          {"temperature", temperature},
          {"seconds", r.seconds}};
}

std::string header() {
  std::string line = "network,epoch";
  for (const Column& column : columns_of({}, {})) line += fmt::format(",{}", column.first);
  return line + "\n";
}

// "teacher,3,0.25,…": the network and the epoch.
std::pair<std::string_view, Index> owner_of(std::string_view row) {
  const std::size_t comma = std::min(row.find(','), row.size());
  Index epoch = 0;
  std::from_chars(row.data() + std::min(comma + 1, row.size()), row.data() + row.size(), epoch);
  return {row.substr(0, comma), epoch};
}

}  // namespace

RunLog::RunLog(std::string folder, LogStart start)
    : folder_(std::move(folder)), table_((std::filesystem::path(folder_) / "epochs.csv").string()) {
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  if (error) fail(op, "{}: cannot be made a folder: {}", folder_, error.message());
  if (start == LogStart::anew || !std::filesystem::exists(table_, error)) {
    write_file(op, table_, header());
  }
}

void RunLog::drop_rows(const std::string& network, Index epochs_done) {
  FileReader file(op, table_);
  const std::string text = file.read_text(file.left());
  if (!text.starts_with(header())) {
    fail(op, "{}: it has other columns than this program writes; move it away", table_);
  }
  std::string kept = header();
  // A last line without an end was broken off.
  for (std::size_t begin = kept.size(), end; (end = text.find('\n', begin)) != text.npos;
       begin = end + 1) {
    const std::string row = text.substr(begin, end + 1 - begin);
    const auto [owner, epoch] = owner_of(row);
    if (owner != network || epoch <= epochs_done) kept += row;
  }
  if (kept != text) write_file(op, table_, kept);
}

void RunLog::follow(TrainOptions& options, const std::string& network,
                    std::optional<double> temperature, Index epochs_done) {
  drop_rows(network, epochs_done);
  EventFile events((std::filesystem::path(folder_) / network).string(), epochs_done);
  options.on_epoch = [this, network, temperature, events = std::move(events),
                      before = std::move(options.on_epoch)](const EpochReport& report) mutable {
    if (before) before(report);
    std::string row = fmt::format("{},{}", network, report.epoch);
    std::vector<Scalar> scalars;
    for (const auto& [name, value] : columns_of(report, temperature)) {
      row += value ? fmt::format(",{}", *value) : ",";
      if (value) scalars.push_back({.tag = name, .value = *value});
    }
    append_to_file(op, table_, row + "\n");
    events.add(report.epoch, scalars);
  };
}

}  // namespace limbeck
