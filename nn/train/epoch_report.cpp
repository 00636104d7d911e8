#include "nn/train/epoch_report.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"

namespace limbeck {
namespace {

std::optional<double> as_number(const std::optional<Index>& count) {
  return count ? std::optional(static_cast<double>(*count)) : std::nullopt;
}

}  // namespace

double EpochReport::term(std::string_view name) const {
  const auto found = std::ranges::find(terms, name, &TermValue::name);
  return found == terms.end() ? std::numeric_limits<double>::quiet_NaN() : found->value;
}

std::vector<ReportNumber> numbers_of(const EpochReport& r) {
  std::vector<ReportNumber> numbers = {{"loss", r.loss}};
  for (const TermValue& term : r.terms) {
    numbers.push_back({term.name, term.value});
    if (term.has_own_weight()) numbers.push_back({term.name + "-weight", term.weight});
    if (term.measured || !std::isnan(term.gradient))
      numbers.push_back({term.name + "-gradient", term.gradient});
  }
  numbers.push_back({"errors", as_number(r.errors), true});
  numbers.push_back({"agreement", r.agreement});
  numbers.push_back({"validation_errors", as_number(r.validation_errors), true});
  numbers.push_back({"gradient_norm", r.gradient_norm});
  for (const MetricValue& metric : r.metrics) numbers.push_back({metric.name, metric.value});
  numbers.push_back({"lr", r.lr});
  numbers.push_back({"seconds", r.seconds});
  return numbers;
}

const EpochReport& best_of(const std::vector<EpochReport>& reports) {
  if (reports.empty()) fail("best_of", "there are no epochs");
  const auto errors = [](const EpochReport& report) {
    return report.validation_errors.value_or(std::numeric_limits<Index>::max());
  };
  const auto best = std::ranges::min_element(reports, {}, errors);
  return best->validation_errors ? *best : reports.back();
}

}  // namespace limbeck
