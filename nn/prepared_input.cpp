#include "nn/prepared_input.h"

#include <array>

#include "core/error.h"

namespace limbeck {
namespace {

constexpr std::array<const char*, 3> layouts = {"nchw", "nhwc", "flat"};

// "0.485, 0.456"
std::string list(const std::vector<double>& numbers) {
  std::string text;
  for (const double x : numbers) text += fmt::format("{}{}", text.empty() ? "" : ", ", x);
  return text;
}

Normalize::Options numbers_of(const InputOptions& options) {
  const std::size_t channels = std::max(options.mean.size(), options.std.size());
  const auto for_all = [&](std::vector<double> numbers, double otherwise) {
    if (numbers.empty()) numbers.push_back(otherwise);
    if (numbers.size() == 1) numbers.resize(channels, numbers.front());
    return numbers;
  };
  return {.mean = for_all(options.mean, 0), .deviation = for_all(options.std, 1)};
}

}  // namespace

std::string to_string(InputLayout layout) {
  return layouts[static_cast<std::size_t>(layout)];
}

InputLayout input_layout_of(const char* op, const std::string& text) {
  for (std::size_t i = 0; i < layouts.size(); ++i) {
    if (text == layouts[i]) return static_cast<InputLayout>(i);
  }
  fail(op, "images are nchw, nhwc or flat; got \"{}\"", text);
}

Shape laid_out(const Shape& image, InputLayout layout) {
  switch (layout) {
    case InputLayout::nchw:
      return image;
    case InputLayout::nhwc:
      return {image.dim(1), image.dim(2), image.dim(0)};
    case InputLayout::flat:
      return {image.size()};
  }
  return image;
}

PreparedInput::PreparedInput(const InputOptions& options) : options_(options) {
  if (!options.mean.empty() || !options.std.empty()) normalize_.emplace(numbers_of(options));
}

std::string PreparedInput::describe() const {
  std::string text = "PreparedInput(" + to_string(options_.layout);
  if (!options_.mean.empty()) text += ", mean " + list(options_.mean);
  if (!options_.std.empty()) text += ", std " + list(options_.std);
  return text + ")";
}

Tensor PreparedInput::forward(const Tensor& x) {
  const Tensor y = normalize_ ? (*normalize_)(x) : x;
  switch (options_.layout) {
    case InputLayout::nhwc:
      return permute(y, {0, 2, 3, 1});
    case InputLayout::flat:
      return flatten(y);
    case InputLayout::nchw:
      break;
  }
  return y;
}

Sequential prepared(Sequential network, const InputOptions& options) {
  if (!options.is_usual()) network.add_first(PreparedInput(options));
  return network;
}

Sequential prepared(std::unique_ptr<Module> network, const InputOptions& options) {
  Sequential all;
  all.add(std::move(network));
  return prepared(std::move(all), options);
}

}  // namespace limbeck
