// What a network says of images, for people and for programs.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
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
  std::vector<std::uint8_t> pixels{};   // (C, H, W), as the dataset or prepare_image gives them
};

// What it says.
struct Answer {
  std::vector<real> logits;           // one a class
  std::vector<double> probabilities;  // softmax(logits / T)
  std::size_t best, second;           // the classes of the largest and the next
  double microseconds;                // from the image in memory to the logits
};

// The answers of a network for two classes or more, one image at a time, after a first run that
// warms it up. Error, with the question's name: an answer that is not
// finite; a temperature out of range.
std::vector<Answer> answers_to(SavedModel& model, const std::vector<Question>& questions,
                               double temperature);

// One image beside its bars, and the answer in a line.
std::string answer_picture(const Shape& image, const Question& question, const Answer& answer,
                           double temperature, const ClassNames& names = {});
// A row an image.
std::string answer_table(const std::vector<Question>& questions, const std::vector<Answer>& answers,
                         const ClassNames& names = {});
// Element i of the list is about image i; README.md has the fields, and with names "label_name",
// "class_name" and "runner_up_name" beside the numbers.
nlohmann::ordered_json answers_json(const std::vector<Question>& questions,
                                    const std::vector<Answer>& answers,
                                    const ClassNames& names = {});

}  // namespace limbeck
