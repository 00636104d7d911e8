#include "apps/common/data_options.h"

#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <tuple>

#include "apps/common/program.h"
#include "core/error.h"
#include "data/synthetic_digits.h"

namespace limbeck {
namespace {

// "28x32" → 28, 32. None: it is not of that form.
std::optional<std::pair<Index, Index>> size_of(const std::string& text) {
  const char* const end = text.data() + text.size();
  Index height = 0, width = 0;
  const auto first = std::from_chars(text.data(), end, height);
  if (first.ec != std::errc{} || first.ptr == end || *first.ptr != 'x') return std::nullopt;
  const auto second = std::from_chars(first.ptr + 1, end, width);
  if (second.ec != std::errc{} || second.ptr != end) return std::nullopt;
  if (height < 1 || width < 1) return std::nullopt;
  return std::pair(height, width);
}

}  // namespace

ImageOptions DataSettings::options() const {
  ImageOptions options{.set = set, .classes = classes, .test_share = test_share};
  if (transpose || no_transpose) options.transpose = transpose;
  if (!size.empty()) std::tie(options.height, options.width) = size_of(size).value();
  return options;
}

std::string DataSettings::name() const {
  return path.empty() ? "synthetic digits" : path;
}

void DataSettings::add_to(nlohmann::ordered_json& options) const {
  if (!set.empty()) options["set"] = set;
  if (classes > 0) options["classes"] = classes;
  if (transpose || no_transpose) options["transpose"] = transpose;
  if (test_share > 0) options["test_share"] = test_share;
  if (!size.empty()) options["size"] = size;
}

Option add_options(Options& options, DataSettings& s) {
  const Option data =
      options
          .add(
              "--data", s.path,
              "Images to learn from and to be tested by: a folder of IDX files, as MNIST's and its "
              "relatives', gzipped or not; of NPY; of CSV; of pictures, a folder a class; of "
              "CIFAR's binary files; or a file of NPZ or CSV. Without it: synthetic digits")
          .type("PATH");
  options.add("--set", s.set, "Which set, where the folder holds several: a part of its name")
      .type("NAME")
      .needs(data);
  options.add("--classes", s.classes, "How many classes there are. Without it: the labels tell")
      .type("N")
      .check(at_least_1())
      .needs(data);
  Option transpose =
      options.flag("--transpose", s.transpose,
                   "Rows and columns of the images change places, as those of EMNIST do anyway");
  transpose.needs(data);
  options.flag("--no-transpose", s.no_transpose, "They do not, whatever the names")
      .needs(data)
      .excludes(transpose);
  options
      .add("--test-share", s.test_share,
           "Where there are no test images: the part of each class that is held back for that")
      .type("P")
      .check(below_1())
      .needs(data);
  options.add("--size", s.size, "Scale all images to this height and width: 28x28, say")
      .type("HxW")
      .check([](const std::string& text) {
        if (!size_of(text)) fail("--size", "must be HxW, 28x28 say; got {}", text);
      })
      .needs(data);
  return data;
}

ImageSets load(const DataSettings& settings) {
  if (!settings.path.empty()) {
    ImageSets sets = load_images(settings.path, settings.options());
    if (sets.validation) {
      sets.notes.push_back(
          fmt::format("the {} validation images are not used", sets.validation->size()));
    }
    return sets;
  }
  TrainTest digits = synthetic_digits();
  return {.train = std::move(digits.train), .test = std::move(digits.test)};
}

}  // namespace limbeck
