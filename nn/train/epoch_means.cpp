#include "nn/train/epoch_means.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "core/error.h"

namespace limbeck::detail {

BatchValues values_of(const Loss& loss) {
  return {.loss = static_cast<double>(loss.total().item()), .terms = loss.terms()};
}

void check_finite(const BatchValues& values, Index batch, Index epoch, std::optional<double> lr) {
  if (std::isfinite(values.loss)) return;
  std::string term;
  for (const TermValue& t : values.terms) {
    const bool culprit = t.images != 0 && !std::isfinite(t.value) && values.terms.size() > 1;
    if (culprit && term.empty()) term = fmt::format(", by its term \"{}\",", t.name);
  }
  fail("train",
       "the loss is {}{} at batch {} of epoch {}{}{}; DetectAnomaly (core/inspect/debug.h) names "
       "the op that made the first such value",
       std::abs(values.loss),  // NaN without the sign that the processor gives it
       term, batch, epoch, values.whose.empty() ? "" : fmt::format(" on {}", values.whose),
       lr ? fmt::format("; the learning rate, {:g}, may be too high", *lr) : "");
}

std::string names_of(const std::vector<TermValue>& terms) {
  std::string text;
  for (const TermValue& term : terms) text += (text.empty() ? "" : ", ") + term.name;
  return text;
}

void EpochSums::check(const std::vector<TermValue>& now) const {
  if (images == 0 || std::ranges::equal(terms, now, {}, &Term::name, &TermValue::name)) return;
  std::vector<TermValue> before;
  for (const Term& term : terms) before.push_back({.name = term.name});
  fail("train", "every batch of an epoch must have the same terms; this one has {}, before: {}",
       names_of(now), names_of(before));
}

void EpochSums::add(const BatchValues& batch, Index batch_images) {
  check(batch.terms);
  if (images == 0) {
    for (const TermValue& term : batch.terms) terms.push_back({.name = term.name});
  }
  const auto n = static_cast<double>(batch_images);
  images += n;
  loss += n * batch.loss;
  for (std::size_t i = 0; i < terms.size(); ++i) {
    const TermValue& term = batch.terms[i];
    const double of = term.images == TermValue::all ? n : static_cast<double>(term.images);
    terms[i].weight += (term.weight - terms[i].weight) * (n / images);
    if (term.measured) terms[i].gradients += term.gradient, terms[i].measured += 1;
    if (of == 0) continue;  // the mean of nothing is NaN
    terms[i].images += of;
    terms[i].value += of * term.value;
  }
}

void EpochSums::add_gradient_norm(double norm) {
  norms += norm;
  steps += 1;
}

void EpochSums::write_to(EpochReport& report) const {
  report.loss = loss / images;
  for (const Term& term : terms) {
    report.terms.push_back({.name = term.name,
                            .weight = term.weight,
                            .value = term.value / term.images,  // NaN if there were none
                            .images = static_cast<Index>(term.images),
                            .gradient = term.gradients / term.measured,  // likewise
                            .measured = term.measured > 0});
  }
  if (steps > 0) report.gradient_norm = norms / steps;
}

void check_names(const EpochReport& report) {
  std::set<std::string> names;
  for (const ReportNumber& number : numbers_of(report)) {
    if (names.insert(number.name).second) continue;
    fail("train", "two numbers of a report are named \"{}\"", number.name);
  }
}

void warn_of_guessing(EpochReport& report, Index classes) {
  const double guessing = std::log(static_cast<double>(classes));
  const bool by_terms = std::isnan(report.term("hard"));
  const double hard = report.term(by_terms ? "labels" : "hard");
  if (!(hard >= guessing)) return;  // also where no image has a label
  report.warnings.push_back(fmt::format(
      "the loss on the labels, {:.3f}, is not below ln {} = {:.3f}, which guessing gives", hard,
      classes, guessing));
}

}  // namespace limbeck::detail
