// What a network says of images, for people and for programs.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "apps/common/class_names.h"
#include "nn/saved_model.h"

namespace limbeck {

// An image that a network is asked about.
struct Question {
  std::string name;                     // a file, or "test image 3"
  std::optional<Index> index{};         // where in a dataset, if it comes from one
  std::optional<std::int32_t> label{};  // what it really is, if that is known
  std::vector<std::uint8_t> pixels{};   // (C, H, W), as the dataset or image_of gives them
  std::string error{};                  // why there are no pixels; "" where there are
};

// What it says.
struct Answer {
  std::vector<real> logits;           // one a class
  std::vector<double> probabilities;  // softmax(logits / T)
  std::size_t best, second;           // the classes of the largest and the next
  double microseconds;                // from the image in memory to the logits
  std::string error{};                // why there is no answer, and nothing of these; else empty
};

// The answers of a network for two classes or more: one image at a time, after a first run that
// warms it up, or all as one batch, each with its share of the time. One that is not finite is an
// error of the answer, with the question's name. Error: a temperature out of range.
enum class Asking { one_by_one, at_once };
std::vector<Answer> answers_to(SavedModel& model, std::span<const Question> questions,
                               double temperature, Asking asking = Asking::one_by_one);

// How answers are shown.
struct AnswerStyle {
  double temperature = 1;  // of the probabilities
  Index top = 0;           // so many of the likeliest classes, in percent; 0: the first two
  ClassNames names{};
};

// One image beside its bars, and the answer in a line.
std::string answer_picture(const Shape& image, const Question& question, const Answer& answer,
                           const AnswerStyle& style);

// A row an image.
class AnswerTable {
 public:
  // For names of images of so many bytes at most, with their labels or without.
  AnswerTable(std::size_t name_width, bool labelled, Index classes, const AnswerStyle& style);

  std::string head() const;  // what the columns are
  std::string row(const Question& question, const Answer& answer) const;

 private:
  std::string text(std::size_t c) const { return class_text(static_cast<Index>(c), style_.names); }

  AnswerStyle style_;
  bool labelled_;
  std::size_t width_, class_width_ = 5, second_width_ = 9;
};

// An image's entry; README.md has the fields, and with names "label_name", "class_name" and
// "runner_up_name" beside the numbers.
// "file" or "index", and "error".
nlohmann::ordered_json error_json(const Question& question, const std::string& error);
nlohmann::ordered_json answer_json(const Question& question, const Answer& answer,
                                   const AnswerStyle& style);

}  // namespace limbeck
