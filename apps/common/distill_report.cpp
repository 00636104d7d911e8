#include "apps/common/distill_report.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string_view>

#include "apps/common/training_log.h"
#include "core/text.h"

namespace limbeck {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t widest_spec = 36;  // in the table
constexpr int schema_version = 1;        // raised when a field changes its meaning or goes

// What is known of an epoch. The terms of a loss that has one only are that loss.
ordered_json epoch_json(const EpochReport& report) {
  ordered_json row = {{"epoch", report.epoch}};
  const bool one_term = report.terms.size() == 1;
  for (const ReportNumber& number : numbers_of(report)) {
    if (!number.value || (one_term && number.name == report.terms.front().name)) continue;
    row[number.name] = number.whole ? ordered_json(static_cast<Index>(*number.value))
                                    : ordered_json(*number.value);
  }
  return row;
}

ordered_json outcome_json(const Outcome& outcome) {
  ordered_json json = {{"spec", outcome.spec},     {"parameters", outcome.parameters},
                       {"bytes", outcome.bytes()}, {"errors", outcome.errors},
                       {"total", outcome.total},   {"seconds", outcome.seconds}};
  if (outcome.agreement) json["agreement"] = *outcome.agreement;
  json["epochs"] = ordered_json::array();
  for (const EpochReport& epoch : outcome.epochs) json["epochs"].push_back(epoch_json(epoch));
  const std::size_t first = outcome.epochs.size() - outcome.peak_bytes.size();
  for (std::size_t i = first; i < outcome.epochs.size(); ++i) {
    json["epochs"][i]["peak_resident_bytes"] = outcome.peak_bytes[i - first];
  }
  return json;
}

// A network's text, cut where a list of layers would make the table too wide.
std::string short_spec(const std::string& spec) {
  return spec.size() <= widest_spec ? spec : spec.substr(0, widest_spec - 1) + "…";
}

}  // namespace

std::optional<double> share_won_back(const Outcome& hard, const Outcome& network,
                                     const std::optional<Outcome>& teacher) {
  if (!teacher) return std::nullopt;
  const Index gain = hard.errors - teacher->errors;
  if (gain <= 0) return std::nullopt;
  return static_cast<double>(hard.errors - network.errors) / static_cast<double>(gain);
}

std::optional<double> StudentPair::gain_recovered(const std::optional<Outcome>& teacher) const {
  return share_won_back(hard, distilled, teacher);
}

std::vector<std::pair<const Outcome*, std::optional<double>>> DistillReport::rows() const {
  std::vector<std::pair<const Outcome*, std::optional<double>>> all;
  const Outcome& hard = students.front().hard;
  if (teacher) all.emplace_back(&*teacher, std::nullopt);
  for (const Outcome& step : steps) all.emplace_back(&step, share_won_back(hard, step, teacher));
  if (together) all.emplace_back(&*together, share_won_back(hard, *together, teacher));
  for (const StudentPair& pair : students) all.emplace_back(&pair.hard, std::nullopt);
  for (const StudentPair& pair : students) {
    all.emplace_back(&pair.distilled, pair.gain_recovered(teacher));
    for (const Outcome& peer : pair.peers) {
      all.emplace_back(&peer, share_won_back(pair.hard, peer, teacher));
    }
  }
  for (const Outcome& outcome : integers) {
    all.emplace_back(&outcome, share_won_back(hard, outcome, teacher));
  }
  return all;
}

std::string DistillReport::table() const {
  const auto all = rows();
  const bool tells_shares = !steps.empty() || !students.front().peers.empty();
  const std::string of = fmt::format("errors of {}", thousands(all.front().first->total));
  std::size_t spec_width = std::string_view("model").size();
  for (const auto& row : all) {
    spec_width = std::max(spec_width, std::min(row.first->spec.size(), widest_spec));
  }
  std::string text = fmt::format("{:22}{:<{}}{:>12}{:>10}{:>{}}{:>10}{}{:>14}\n", "", "model",
                                 spec_width, "parameters", "size", of, of.size() + 2, "accuracy",
                                 tells_shares ? fmt::format("{:>10}", "won back") : "", "training");
  for (const auto& [row, share] : all) {
    const double accuracy = 1 - static_cast<double>(row->errors) / static_cast<double>(row->total);
    const std::string won = share ? fmt::format("{:.0f} %", 100 * *share) : "-";
    text += fmt::format("{:22}{:<{}}{:>12}{:>10}{:>{}}{:>8.2f} %{}{:>14}\n", row->title,
                        short_spec(row->spec), spec_width, thousands(row->parameters),
                        file_size(row->bytes()), thousands(row->errors), of.size() + 2,
                        100 * accuracy, tells_shares ? fmt::format("{:>10}", won) : "",
                        row->seconds == 0   ? "-"
                        : row->seconds < 10 ? fmt::format("{:.1f} s", row->seconds)
                                            : duration(row->seconds));
  }
  return text;
}

std::string DistillReport::verdict() const {
  std::string text;
  const StudentPair& first = students.front();
  if (students.size() > 1) {
    const auto mean_errors = [&](Outcome StudentPair::*which) {
      double sum = 0;
      for (const StudentPair& pair : students) sum += static_cast<double>((pair.*which).errors);
      return sum / static_cast<double>(students.size());
    };
    text = fmt::format(
        "Mean errors of {} students: {:.1f} after hard labels, {:.1f} after {}{}.\n",
        students.size(), mean_errors(&StudentPair::hard), mean_errors(&StudentPair::distilled), way,
        teacher ? fmt::format("; the teacher's {}", thousands(teacher->errors)) : "");
  } else if (const auto share = first.gain_recovered(teacher)) {
    text = fmt::format(
        "The teacher makes {} errors fewer than the student on hard labels; {} won back {:.0f} % "
        "of "
        "that.\n",
        thousands(first.hard.errors - teacher->errors), way, 100 * *share);
  } else if (!teacher) {
    text = fmt::format("{} errors after hard labels, {} after distillation.\n",
                       thousands(first.hard.errors), thousands(first.distilled.errors));
  } else {
    text = "The teacher is no better than the student on hard labels: it has no gain to hand on.\n";
  }
  if (!teacher) return text;
  const auto percent = [](const Outcome& o) { return 100 * o.agreement.value_or(0); };
  return text + fmt::format(
                    "Decisions like the teacher's on test images: {:.1f} % after hard labels, "
                    "{:.1f} % after {}.\n",
                    percent(first.hard), percent(first.distilled), way);
}

ordered_json DistillReport::json(const ordered_json& options) const {
  ordered_json json = {{"schema_version", schema_version},
                       {"options", options},
                       {"teacher", teacher ? outcome_json(*teacher) : ordered_json(nullptr)}};
  const auto named_json = [&](const Outcome& outcome, const Outcome& hard) {
    const auto share = share_won_back(hard, outcome, teacher);
    ordered_json json_of = {{"name", outcome.title}};
    json_of.update(outcome_json(outcome));
    json_of["gain_recovered"] = share ? ordered_json(*share) : ordered_json(nullptr);
    return json_of;
  };
  const Outcome& first_hard = students.front().hard;
  for (const Outcome& step : steps) json["steps"].push_back(named_json(step, first_hard));
  if (together) json["together"] = named_json(*together, first_hard);
  const auto add_pair = [&](ordered_json& to, const StudentPair& pair) {
    to["student_hard"] = outcome_json(pair.hard);
    to["student_distilled"] = outcome_json(pair.distilled);
    const auto share = pair.gain_recovered(teacher);
    to["gain_recovered"] = share ? ordered_json(*share) : ordered_json(nullptr);
    for (const Outcome& peer : pair.peers) to["peers"].push_back(named_json(peer, pair.hard));
  };
  add_pair(json, students.front());
  for (std::size_t i = 0; i < integers.size(); ++i) {
    json[i == 0 ? "student_rounded" : "student_integers"] = outcome_json(integers[i]);
  }
  if (students.size() > 1) {
    json["repeats"] = ordered_json::array();
    for (const StudentPair& pair : students) add_pair(json["repeats"].emplace_back(), pair);
  }
  return json;
}

std::string file_size(Index bytes) {
  const auto b = static_cast<double>(bytes);
  if (bytes < 1000) return fmt::format("{} B", bytes);
  if (bytes < 1'000'000) return fmt::format("{:.0f} KB", b / 1e3);
  return fmt::format("{:.1f} MB", b / 1e6);
}

}  // namespace limbeck
