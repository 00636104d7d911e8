#include "nn/distill/term.h"

#include <algorithm>
#include <iterator>

#include "core/error.h"

namespace limbeck {

void detail::check_share(const char* op, double share) {
  if (!(share > 0 && share <= 1)) fail(op, "a share of the training is in (0, 1]; got {}", share);
}

std::string Varying::str() const {
  if (is_constant()) return fmt::format("{:g}", number_);
  return fmt::format("{:g}…{:g}…{:g}", of_done_(0), of_done_(0.5), of_done_(1));
}

Varying operator*(const Varying& a, const Varying& b) {
  if (a.is_constant() && b.is_constant()) return a(0) * b(0);
  return [=](double done) { return a(done) * b(done); };
}

Varying warm_up(double share) {
  detail::check_share("warm_up", share);
  return [=](double done) { return std::min(done / share, 1.0); };
}

Varying until(double share) {
  detail::check_share("until", share);
  return [=](double done) { return done < share || share == 1 ? 1.0 : 0.0; };
}

std::string Objective::str() const {
  std::string text;
  for (const Term& term : terms) {
    if (!text.empty()) text += " + ";
    const std::string weight = term.weight.str();
    if (weight != "1") text += weight + " * ";
    text += term.description.empty() ? term.name : term.description;
  }
  return text;
}

Term operator*(const Varying& weight, Term term) {
  term.weight = weight * term.weight;
  return term;
}

Objective operator*(const Varying& weight, Objective objective) {
  for (Term& term : objective.terms) term = weight * std::move(term);
  return objective;
}

Objective operator+(Objective a, Objective b) {
  std::ranges::move(b.terms, std::back_inserter(a.terms));
  return a;
}

}  // namespace limbeck
