#include "apps/predict/prediction.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "apps/common/soft_targets.h"
#include "apps/common/timing.h"
#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/softmax.h"

namespace limbeck {
namespace {

// The images as a batch, each byte divided by 255.
Tensor input_of(const Shape& image, std::span<const Question> questions) {
  Tensor x = Tensor::empty(image.with_front(static_cast<Index>(questions.size())));
  real* to = x.data();
  for (const Question& question : questions) {
    to = std::ranges::transform(question.pixels, to, [](std::uint8_t ink) {
           return static_cast<real>(ink) / 255;
         }).out;
  }
  return x;
}

// The classes from the likeliest on. By the logits: a temperature near 0 makes all probabilities
// but one the same.
std::vector<std::size_t> ranked(const Answer& answer) {
  std::vector<std::size_t> order(answer.logits.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::ranges::greater(),
                           [&](std::size_t c) { return answer.logits[c]; });
  return order;
}

std::vector<std::size_t> top_of(const Answer& answer, Index top) {
  std::vector<std::size_t> order = ranked(answer);
  order.resize(std::min(order.size(), static_cast<std::size_t>(top)));
  return order;
}

Answer answer_of(std::span<const real> logits, double temperature, double microseconds) {
  const Tensor probs =
      softmax(Tensor::from({1, static_cast<Index>(logits.size())}, logits), temperature);
  Answer answer{.logits = {logits.begin(), logits.end()},
                .probabilities = {probs.values().begin(), probs.values().end()},
                .best = 0,
                .second = 0,
                .microseconds = microseconds};
  const std::vector<std::size_t> order = ranked(answer);
  answer.best = order[0];
  answer.second = order[1];
  return answer;
}

// "85 µs", "1.20 ms".
std::string time_text(double microseconds) {
  return microseconds < 999.5 ? fmt::format("{:.0f} µs", microseconds)
                              : fmt::format("{:.2f} ms", microseconds / 1000);
}

std::string percent(double p) {
  return fmt::format("{:.2f} %", 100 * p);
}

}  // namespace

std::vector<Answer> answers_to(SavedModel& model, std::span<const Question> questions,
                               double temperature, Asking asking) {
  const NoGrad no_grad;
  std::vector<Answer> answers;
  const std::size_t at_once = asking == Asking::at_once ? questions.size() : 1;
  for (std::size_t at = 0; at < questions.size(); at += at_once) {
    const Tensor x = input_of(model.info.image, questions.subspan(at, at_once));
    if (at == 0 && asking == Asking::one_by_one) model.network(x);
    Tensor logits;
    const double ms = ms_each(1, [&] { logits = model.network(x); });
    const auto classes = static_cast<std::size_t>(logits.shape().last());
    for (std::size_t i = 0; i < at_once; ++i) {
      const auto row = logits.values().subspan(i * classes, classes);
      if (!std::ranges::all_of(row, [](real z) { return std::isfinite(z); })) {
        answers.push_back({.logits = {},
                           .probabilities = {},
                           .best = 0,
                           .second = 0,
                           .microseconds = 0,
                           .error = fmt::format("{}: the network's answer is not finite",
                                                questions[at + i].name)});
        continue;
      }
      answers.push_back(answer_of(row, temperature, 1000 * ms / static_cast<double>(at_once)));
    }
  }
  return answers;
}

std::string answer_picture(const Shape& image, const Question& question, const Answer& answer,
                           const AnswerStyle& style) {
  const std::array<double, 1> temperatures = {style.temperature};
  const auto text = [&](std::size_t c) { return class_text(static_cast<Index>(c), style.names); };
  const std::string picture =
      probability_picture(question.pixels, image, answer.logits, temperatures, style.names);
  const std::string label =
      question.label ? fmt::format(" (label {})", class_text(*question.label, style.names)) : "";
  std::string said;
  if (style.top == 0) {
    said = fmt::format("class {} with a probability of {:.4f}, then {} with {:.4f}",
                       text(answer.best), answer.probabilities[answer.best], text(answer.second),
                       answer.probabilities[answer.second]);
  } else {
    for (const std::size_t c : top_of(answer, style.top)) {
      said += fmt::format("{}{} {}", said.empty() ? "" : ", ", text(c),
                          percent(answer.probabilities[c]));
    }
  }
  return fmt::format("{}\n{}{}: {}; {}\n", picture, question.name, label, said,
                     time_text(answer.microseconds));
}

AnswerTable::AnswerTable(std::size_t name_width, bool labelled, Index classes,
                         const AnswerStyle& style)
    : style_(style), labelled_(labelled), width_(std::max<std::size_t>(5, name_width)) {
  for (const std::string& name : style_.names) class_width_ = std::max(class_width_, name.size());
  second_width_ = std::max(second_width_, class_width_);
  style_.top = std::min(style_.top, classes);
}

std::string AnswerTable::head() const {
  std::string head = fmt::format("{:<{}}  ", "image", width_);
  if (labelled_) head += fmt::format("{:>{}}  ", "label", class_width_);
  if (style_.top == 0) {
    head += fmt::format("{:>{}}  probability  {:>{}}  probability  ", "class", class_width_,
                        "runner-up", second_width_);
  }
  for (Index place = 1; place <= style_.top; ++place) {
    head += fmt::format("{:>{}}            ", place == 1 ? "class" : fmt::format("{}.", place),
                        class_width_);
  }
  return head + "time\n";
}

std::string AnswerTable::row(const Question& question, const Answer& answer) const {
  std::string row = fmt::format("{:<{}}  ", question.name, width_);
  if (labelled_) {
    row += fmt::format("{:>{}}  ", class_text(question.label.value(), style_.names), class_width_);
  }
  if (style_.top == 0) {
    row += fmt::format("{:>{}}  {:>11.4f}  {:>{}}  {:>11.4f}  ", text(answer.best), class_width_,
                       answer.probabilities[answer.best], text(answer.second), second_width_,
                       answer.probabilities[answer.second]);
  }
  for (const std::size_t c : top_of(answer, style_.top)) {
    row += fmt::format("{:>{}} {:>9}  ", text(c), class_width_, percent(answer.probabilities[c]));
  }
  return row + time_text(answer.microseconds) + "\n";
}

nlohmann::ordered_json error_json(const Question& question, const std::string& error) {
  nlohmann::ordered_json entry;
  question.index ? void(entry["index"] = *question.index) : void(entry["file"] = question.name);
  entry["error"] = error;
  return entry;
}

nlohmann::ordered_json answer_json(const Question& question, const Answer& answer,
                                   const AnswerStyle& style) {
  nlohmann::ordered_json entry;
  const auto text = [&](std::size_t c) { return class_text(static_cast<Index>(c), style.names); };
  question.index ? void(entry["index"] = *question.index) : void(entry["file"] = question.name);
  if (question.label) entry["label"] = *question.label;
  if (!style.names.empty()) {
    if (question.label) entry["label_name"] = class_text(*question.label, style.names);
    entry["class_name"] = text(answer.best);
    entry["runner_up_name"] = text(answer.second);
  }
  entry["class"] = answer.best;
  entry["probability"] = answer.probabilities[answer.best];
  entry["runner_up"] = answer.second;
  entry["runner_up_probability"] = answer.probabilities[answer.second];
  for (const std::size_t c : top_of(answer, style.top)) {
    entry["top"].push_back(
        {{"class", c}, {"name", text(c)}, {"percent", 100 * answer.probabilities[c]}});
  }
  entry["probabilities"] = answer.probabilities;
  entry["microseconds"] = answer.microseconds;
  return entry;
}

}  // namespace limbeck
