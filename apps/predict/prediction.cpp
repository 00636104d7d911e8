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

// The image as a batch of one, each byte divided by 255.
Tensor input_of(const Shape& image, const std::vector<std::uint8_t>& pixels) {
  Tensor x = Tensor::empty(image.with_front(1));
  std::ranges::transform(pixels, x.data(),
                         [](std::uint8_t ink) { return static_cast<real>(ink) / 255; });
  return x;
}

Answer answer_of(const Tensor& logits, double temperature, double microseconds) {
  const Tensor probs = softmax(logits, temperature);
  Answer answer{.logits = {logits.values().begin(), logits.values().end()},
                .probabilities = {probs.values().begin(), probs.values().end()},
                .best = 0,
                .second = 0,
                .microseconds = microseconds};
  // By the logits: a temperature near 0 makes all probabilities but one the same.
  std::vector<std::size_t> order(answer.logits.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::ranges::greater(),
                           [&](std::size_t c) { return answer.logits[c]; });
  answer.best = order[0];
  answer.second = order[1];
  return answer;
}

// "85 µs", "1.20 ms".
std::string time_text(double microseconds) {
  return microseconds < 999.5 ? fmt::format("{:.0f} µs", microseconds)
                              : fmt::format("{:.2f} ms", microseconds / 1000);
}

}  // namespace

std::vector<Answer> answers_to(SavedModel& model, const std::vector<Question>& questions,
                               double temperature) {
  const NoGrad no_grad;
  std::vector<Answer> answers;
  for (const Question& question : questions) {
    const Tensor x = input_of(model.info.image, question.pixels);
    if (answers.empty()) model.network(x);
    Tensor logits;
    const double ms = ms_each(1, [&] { logits = model.network(x); });
    if (!std::ranges::all_of(logits.values(), [](real z) { return std::isfinite(z); })) {
      fail("predict", "{}: the network's answer is not finite", question.name);
    }
    answers.push_back(answer_of(logits, temperature, 1000 * ms));
  }
  return answers;
}

std::string answer_picture(const Shape& image, const Question& question, const Answer& answer,
                           double temperature, const ClassNames& names) {
  const std::array<double, 1> temperatures = {temperature};
  const std::string label =
      question.label ? fmt::format(" (label {})", class_text(*question.label, names)) : "";
  const auto text = [&](std::size_t c) { return class_text(static_cast<Index>(c), names); };
  return fmt::format(
      "{}\n{}{}: class {} with a probability of {:.4f}, then {} with {:.4f}; {}\n",
      probability_picture(question.pixels, image, answer.logits, temperatures, names),
      question.name, label, text(answer.best), answer.probabilities[answer.best],
      text(answer.second), answer.probabilities[answer.second], time_text(answer.microseconds));
}

std::string answer_table(const std::vector<Question>& questions, const std::vector<Answer>& answers,
                         const ClassNames& names) {
  const auto text = [&](std::size_t c) { return class_text(static_cast<Index>(c), names); };
  const bool labelled = questions.front().label.has_value();
  std::size_t width = 5, class_width = 5;
  for (const Question& question : questions) width = std::max(width, question.name.size());
  for (const std::string& name : names) class_width = std::max(class_width, name.size());
  const std::size_t second_width = std::max<std::size_t>(9, class_width);
  const std::string label = labelled ? fmt::format("{:>{}}  ", "label", class_width) : "";
  std::string table =
      fmt::format("{:<{}}  {}{:>{}}  probability  {:>{}}  probability  time\n", "image", width,
                  label, "class", class_width, "runner-up", second_width);
  for (std::size_t i = 0; i < questions.size(); ++i) {
    const Answer& a = answers[i];
    table += fmt::format("{:<{}}  ", questions[i].name, width);
    if (labelled) {
      table += fmt::format("{:>{}}  ", class_text(questions[i].label.value(), names), class_width);
    }
    table += fmt::format("{:>{}}  {:>11.4f}  {:>{}}  {:>11.4f}  {}\n", text(a.best), class_width,
                         a.probabilities[a.best], text(a.second), second_width,
                         a.probabilities[a.second], time_text(a.microseconds));
  }
  return table;
}

nlohmann::ordered_json answers_json(const std::vector<Question>& questions,
                                    const std::vector<Answer>& answers, const ClassNames& names) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < questions.size(); ++i) {
    const Question& question = questions[i];
    const Answer& answer = answers[i];
    nlohmann::ordered_json entry;
    question.index ? void(entry["index"] = *question.index) : void(entry["file"] = question.name);
    if (question.label) entry["label"] = *question.label;
    if (!names.empty()) {
      const auto text = [&](std::size_t c) { return class_text(static_cast<Index>(c), names); };
      if (question.label) entry["label_name"] = class_text(*question.label, names);
      entry["class_name"] = text(answer.best);
      entry["runner_up_name"] = text(answer.second);
    }
    entry["class"] = answer.best;
    entry["probability"] = answer.probabilities[answer.best];
    entry["runner_up"] = answer.second;
    entry["runner_up_probability"] = answer.probabilities[answer.second];
    entry["probabilities"] = answer.probabilities;
    entry["microseconds"] = answer.microseconds;
    list.push_back(std::move(entry));
  }
  return list;
}

}  // namespace limbeck
