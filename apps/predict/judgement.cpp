#include "apps/predict/judgement.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "apps/common/timing.h"
#include "core/error.h"
#include "core/ops/reduce.h"
#include "core/text.h"
#include "nn/train/evaluate.h"

namespace limbeck {
namespace {

Index images_of(const Judgement& judgement, std::size_t c) {
  const std::vector<Index>& row = judgement.confusion[c];
  return std::accumulate(row.begin(), row.end(), Index{0});
}

Index errors_of(const Judgement& judgement, std::size_t c) {
  return images_of(judgement, c) - judgement.confusion[c][c];
}

// "4 (7), 9 (2) and 3 others": for what the images of a class are taken, the most frequent first.
std::string taken_for(const Judgement& judgement, std::size_t c, const ClassNames& names) {
  constexpr std::size_t most = 4;
  std::vector<std::size_t> order;
  const std::vector<Index>& row = judgement.confusion[c];
  for (std::size_t j = 0; j < row.size(); ++j) {
    if (j != c && row[j] > 0) order.push_back(j);
  }
  std::ranges::stable_sort(order, std::ranges::greater(), [&](std::size_t j) { return row[j]; });
  std::string text;
  Index told = 0;
  for (std::size_t i = 0; i < std::min(order.size(), most); ++i) {
    told += row[order[i]];
    text += fmt::format("{}{} ({})", i == 0 ? "" : ", ",
                        class_text(static_cast<Index>(order[i]), names), row[order[i]]);
  }
  const Index left = errors_of(judgement, c) - told;
  return left > 0 ? fmt::format("{} and {} more", text, left) : text;
}

double accuracy_of(const Judgement& j) {
  return 1 - static_cast<double>(j.errors) / static_cast<double>(j.total);
}

}  // namespace

Judgement judge(SavedModel& model, const Dataset& data) {
  Judgement judgement{.total = data.size()};
  Tensor logits;
  judgement.seconds = ms_each(1, [&] { logits = logits_of(model.network, data); }) / 1000;
  for (Index i = 0; i < logits.size(); ++i) {
    if (std::isfinite(logits.data()[i])) continue;
    fail("predict", "image {}: the network's answer is not finite", i / logits.dim(1));
  }
  const std::vector<std::int32_t> decisions = argmax_last(logits);
  judgement.errors = count_errors(decisions, data);
  judgement.confusion = confusion_matrix(decisions, data);
  return judgement;
}

std::string judgement_text(const Judgement& judgement, const std::string& set,
                           const ClassNames& names) {
  constexpr std::size_t most = 10;
  std::string text =
      fmt::format("{} {}: {} errors, {:.2f} % right; {:.2f} s\n", thousands(judgement.total), set,
                  thousands(judgement.errors), 100 * accuracy_of(judgement), judgement.seconds);
  std::vector<std::size_t> worst;
  for (std::size_t c = 0; c < judgement.confusion.size(); ++c) {
    if (errors_of(judgement, c) > 0) worst.push_back(c);
  }
  if (worst.empty()) return text;
  std::ranges::stable_sort(worst, std::ranges::greater(),
                           [&](std::size_t c) { return errors_of(judgement, c); });
  worst.resize(std::min(worst.size(), most));
  std::size_t width = 5;
  for (const std::size_t c : worst) {
    width = std::max(width, class_text(static_cast<Index>(c), names).size());
  }
  text += fmt::format("\n{:>{}}  images  errors  taken for\n", "class", width);
  for (const std::size_t c : worst) {
    text += fmt::format("{:>{}}  {:>6}  {:>6}  {}\n", class_text(static_cast<Index>(c), names),
                        width, images_of(judgement, c), errors_of(judgement, c),
                        taken_for(judgement, c, names));
  }
  return text;
}

nlohmann::ordered_json judgement_json(const Judgement& judgement, const ClassNames& names) {
  nlohmann::ordered_json json = {{"total", judgement.total},
                                 {"errors", judgement.errors},
                                 {"accuracy", accuracy_of(judgement)},
                                 {"seconds", judgement.seconds}};
  if (!names.empty()) json["class_names"] = names;
  json["confusion"] = judgement.confusion;
  return json;
}

}  // namespace limbeck
