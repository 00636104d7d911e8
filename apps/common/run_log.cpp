#include "apps/common/run_log.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <utility>
#include <vector>

#include "apps/common/append.h"
#include "core/files/file.h"

namespace limbeck {
namespace {

constexpr const char* in_run_log = "run_log";

// The columns that every table has, in front; a loss or a metric of one's own adds to them.
const std::vector<std::string> first_columns = {"network",     "epoch",  "loss",      "hard",
                                                "soft",        "errors", "agreement", "lr",
                                                "temperature", "seconds"};

std::string line_of(const std::vector<std::string>& columns) {
  return fmt::format("{}\n", fmt::join(columns, ","));
}

std::vector<std::string> columns_of(std::string_view line) {
  std::vector<std::string> columns(1);
  for (const char c : line) {
    if (c == ',') {
      columns.emplace_back();
    } else {
      columns.back() += c;
    }
  }
  return columns;
}

// "teacher,3,0.25,…": the network and the epoch.
std::pair<std::string_view, Index> owner_of(std::string_view row) {
  const std::size_t comma = std::min(row.find(','), row.size());
  Index epoch = 0;
  std::from_chars(row.data() + std::min(comma + 1, row.size()), row.data() + row.size(), epoch);
  return {row.substr(0, comma), epoch};
}

// What there is to log of an epoch.
std::vector<Scalar> scalars_of(const EpochReport& report, std::optional<double> temperature) {
  std::vector<Scalar> scalars;
  for (const ReportNumber& number : numbers_of(report)) {
    if (number.value) scalars.push_back({.tag = number.name, .value = *number.value});
  }
  if (temperature) scalars.push_back({.tag = "temperature", .value = *temperature});
  return scalars;
}

}  // namespace

RunLog::RunLog(std::string folder, LogStart start)
    : folder_(std::move(folder)),
      table_((std::filesystem::path(folder_) / "epochs.csv").string()),
      columns_(first_columns) {
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  if (error) fail(in_run_log, "{}: cannot be made a folder: {}", folder_, error.message());
  if (start == LogStart::anew || !std::filesystem::exists(table_, error)) {
    write_file(in_run_log, table_, line_of(columns_));
  }
}

void RunLog::change_rows(FunctionRef<std::string(const std::string& row)> change,
                         const std::vector<std::string>& more) {
  FileReader file(in_run_log, table_);
  const std::string text = file.read_text(file.left());
  std::size_t begin = std::min(text.find('\n'), text.size());
  columns_ = columns_of(std::string_view(text).substr(0, begin));
  if (columns_.size() < first_columns.size() ||
      !std::equal(first_columns.begin(), first_columns.end(), columns_.begin())) {
    fail(in_run_log, "{}: it has other columns than this program writes; move it away", table_);
  }
  columns_.insert(columns_.end(), more.begin(), more.end());
  std::string changed = line_of(columns_);
  // A last line without an end was broken off.
  for (std::size_t end; (end = text.find('\n', ++begin)) != text.npos; begin = end) {
    changed += change(text.substr(begin, end - begin));
  }
  if (changed != text) write_file(in_run_log, table_, changed);
}

void RunLog::drop_rows(const std::string& network, Index epochs_done) {
  change_rows([&](const std::string& row) {
    const auto [owner, epoch] = owner_of(row);
    return owner != network || epoch <= epochs_done ? row + "\n" : "";
  });
}

void RunLog::add_columns(const std::vector<Scalar>& scalars) {
  std::vector<std::string> more;
  for (const Scalar& scalar : scalars) {
    if (std::ranges::find(columns_, scalar.tag) == columns_.end()) more.push_back(scalar.tag);
  }
  if (more.empty()) return;
  const std::string commas(more.size(), ',');
  change_rows([&](const std::string& row) { return row + commas + "\n"; }, more);
}

void RunLog::follow(TrainOptions& options, const std::string& network,
                    std::optional<double> temperature, Index epochs_done) {
  drop_rows(network, epochs_done);
  EventFile events((std::filesystem::path(folder_) / network).string(), epochs_done);
  options.on_epoch = [this, network, temperature, events = std::move(events),
                      before = std::move(options.on_epoch)](const EpochReport& report) mutable {
    if (before) before(report);
    const std::vector<Scalar> scalars = scalars_of(report, temperature);
    add_columns(scalars);
    std::string row = fmt::format("{},{}", network, report.epoch);
    for (std::size_t i = 2; i < columns_.size(); ++i) {
      const auto found = std::ranges::find(scalars, columns_[i], &Scalar::tag);
      row += found == scalars.end() ? "," : fmt::format(",{}", found->value);
    }
    append_to_file(in_run_log, table_, row + "\n");
    events.add(report.epoch, scalars);
  };
}

}  // namespace limbeck
