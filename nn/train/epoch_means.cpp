#include "nn/train/epoch_means.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace limbeck::detail {

void EpochSums::add(const Loss& batch, Index batch_images) {
  if (images == 0) {
    for (const TermValue& term : batch.terms()) terms.push_back({.name = term.name});
  }
  if (!std::ranges::equal(terms, batch.terms(), {}, &Term::name, &TermValue::name)) {
    const auto names = [](const auto& list) {
      std::string text;
      for (const auto& term : list) text += (text.empty() ? "" : ", ") + term.name;
      return text;
    };
    fail("train", "every batch of an epoch must have the same terms; this one has {}, before: {}",
         names(batch.terms()), names(terms));
  }
  const auto n = static_cast<double>(batch_images);
  images += n;
  loss += n * static_cast<double>(batch.total().item());
  for (std::size_t i = 0; i < terms.size(); ++i) {
    const TermValue& term = batch.terms()[i];
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

}  // namespace limbeck::detail
