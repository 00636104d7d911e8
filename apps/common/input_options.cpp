#include "apps/common/input_options.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "apps/common/program.h"
#include "core/error.h"

namespace limbeck {
namespace {

// "0.485,0.456,0.406" → three numbers. Error: of the option.
std::vector<double> numbers_of(const char* option, const std::string& text) {
  std::vector<double> numbers;
  const char* at = text.data();
  const char* const end = text.data() + text.size();
  while (at != end) {
    double number = 0;
    const auto [next, error] = std::from_chars(at, end, number);
    const bool right = error == std::errc{} && (next == end || (*next == ',' && next + 1 != end));
    if (!right) {
      fail(option, "must be a number, or one a channel with commas between; got {}", text);
    }
    numbers.push_back(number);
    at = next == end ? end : next + 1;
  }
  return numbers;
}

}  // namespace

InputOptions InputSettings::options() const {
  return {.layout = input_layout_of("input", layout),
          .mean = numbers_of("mean", mean),
          .std = numbers_of("std", std)};
}

void InputSettings::check(const std::string& prefix, const std::string& file, const Shape& image,
                          const InputOptions& read) const {
  const InputOptions own = options();
  if (own.is_usual()) return;
  const auto check_numbers = [&](const char* name, const std::vector<double>& numbers,
                                 const std::vector<double>& of_file) {
    const std::string option = prefix + name;
    if (numbers != of_file && !numbers.empty()) {
      fail(option.c_str(), "{} says itself what its network's input is: {}; leave it out", file,
           PreparedInput(read).describe());
    }
    const auto size = static_cast<Index>(numbers.size());
    if (size > 1 && size != image.dim(0)) {
      fail(option.c_str(),
           "there are {} numbers, and {} channels in images {}; give one, or one a channel", size,
           image.dim(0), image);
    }
  };
  check_numbers("mean", own.mean, read.mean);
  check_numbers("std", own.std, read.std);
  if (own.layout != InputLayout::nchw && own.layout != read.layout) {
    fail((prefix + "input").c_str(), "{} says itself what its network's input is: {}; leave it out",
         file, PreparedInput(read).describe());
  }
}

void InputSettings::add_to(nlohmann::ordered_json& options) const {
  if (layout != "nchw") options["teacher_input"] = layout;
  if (!mean.empty()) options["teacher_mean"] = mean;
  if (!std.empty()) options["teacher_std"] = std;
}

void add_options(Options& options, const std::string& prefix, InputSettings& s) {
  const std::string input = prefix + "input", mean = prefix + "mean", deviation = prefix + "std";
  options
      .add(input.c_str(), s.layout,
           "How a network from a file wants images: nchw, channels first; nhwc, as Keras; flat, "
           "all numbers in a row")
      .type("HOW")
      .one_of({"nchw", "nhwc", "flat"});
  options
      .add(mean.c_str(), s.mean,
           "What is subtracted from its pixels, which are 0 to 1: a number for all or, with commas "
           "between, one a channel. In PyTorch's MNIST example 0.1307")
      .type("NUMBERS")
      .check([](const std::string& text) {
        static_cast<void>(PreparedInput({.mean = numbers_of("mean", text)}));
      });
  options
      .add(deviation.c_str(), s.std,
           "What they are divided by then, likewise: 0.3081 there; 0.00392157, which is 1/255, for "
           "a "
           "network that learned from bytes")
      .type("NUMBERS")
      .check([](const std::string& text) {
        static_cast<void>(PreparedInput({.std = numbers_of("std", text)}));
      });
}

}  // namespace limbeck
