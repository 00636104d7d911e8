#include "nn/train/loss.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <string_view>

#include "core/error.h"
#include "core/ops/arithmetic.h"

namespace limbeck {
namespace {

constexpr const char* in_loss = "Loss";

// Columns and fields that stand beside the terms wherever a report is written.
constexpr std::array taken = {"network",     "epoch",   "epochs",   "loss",
                              "errors",      "lr",      "seconds",  "agreement",
                              "temperature", "total",   "warnings", "validation_errors",
                              "metrics",     "batches", "terms",    "gradient_norm"};

void check_terms(const std::vector<TermValue>& terms) {
  if (terms.empty()) fail(in_loss, "there is no term, so nothing to minimise");
  for (const TermValue& term : terms) {
    detail::check_report_name(in_loss, term.name);
    if (!std::isfinite(static_cast<real>(term.weight))) {
      fail(in_loss, "the weight of \"{}\" must be finite; got {}", term.name, term.weight);
    }
    if (std::ranges::count(terms, term.name, &TermValue::name) > 1) {
      fail(in_loss, "two terms are named \"{}\"", term.name);
    }
  }
}

}  // namespace

void detail::check_report_name(const char* what, const std::string& name) {
  const auto fits = [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_'; };
  if (name.empty() || !std::ranges::all_of(name, fits)) {
    fail(what, "a name in reports is made of letters, digits, '-' and '_'; got \"{}\"", name);
  }
  if (std::ranges::find(taken, std::string_view(name)) != taken.end()) {
    fail(what, "reports have a \"{}\" already; take another name", name);
  }
}

Loss::Loss(std::vector<Term> terms) {
  for (const Term& term : terms) {
    if (!term.value.defined() || term.value.size() != 1) {
      fail(in_loss, "\"{}\" must be a scalar; got {}: take a mean or a sum", term.name,
           term.value.defined() ? fmt::format("{}", term.value.shape()) : "nothing");
    }
    terms_.push_back({.name = term.name,
                      .weight = term.weight,
                      .value = static_cast<double>(term.value.item())});
  }
  check_terms(terms_);
  for (const Term& term : terms) {
    const Tensor part = term.weight == 1 ? term.value : term.value * static_cast<real>(term.weight);
    total_ = total_.defined() ? total_ + part : part;
  }
}

Loss::Loss(Tensor total, std::vector<TermValue> terms)
    : total_(std::move(total)), terms_(std::move(terms)) {
  check_terms(terms_);
  if (!total_.defined() || total_.size() != 1)
    fail(in_loss, "the sum of the terms must be a scalar");
}

}  // namespace limbeck
