#include "apps/common/data_options.h"

#include <charconv>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <tuple>

#include "apps/common/program.h"
#include "core/error.h"
#include "data/synthetic_digits.h"
#include "data/synthetic_letters.h"

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

constexpr const char* letters = "letters";

// What is for files alone, with images that are drawn.
void check_drawn(const DataSettings& s, Index classes) {
  const auto refuse = [&s](const char* option) {
    fail(option, "it is for images from files; {} are drawn as they are", s.name());
  };
  if (!s.set.empty()) refuse("--set");
  if (s.transpose) refuse("--transpose");
  if (s.test_share > 0) refuse("--test-share");
  if (!s.size.empty()) refuse("--size");
  if (s.classes > 0 && s.classes != classes) {
    fail("--classes", "{} have {} classes; got {}", s.name(), classes, s.classes);
  }
}

template <class Options>
Options sizes(const DrawnOptions& drawn) {
  Options options{.seed = drawn.seed, .difficulty = drawn.difficulty};
  if (drawn.train > 0) options.train = drawn.train;
  if (drawn.test > 0) options.test = drawn.test;
  return options;
}

ImageSets draw(const DataSettings& s, const DrawnOptions& drawn) {
  if (s.path.empty()) {
    TrainTest digits = synthetic_digits(sizes<SyntheticDigitsOptions>(drawn));
    check_drawn(s, digits.train.classes);
    return {.train = std::move(digits.train), .test = std::move(digits.test)};
  }
  TrainTest drawn_letters = synthetic_letters(sizes<SyntheticLettersOptions>(drawn));
  check_drawn(s, drawn_letters.train.classes);
  ImageSets sets{.train = std::move(drawn_letters.train),
                 .test = std::move(drawn_letters.test),
                 .class_names = letter_names()};
  if (std::filesystem::exists(letters)) {
    sets.notes.push_back("letters are the drawn ones; what is called so here is --data ./letters");
  }
  return sets;
}

}  // namespace

ImageOptions DataSettings::options() const {
  ImageOptions options{.set = set, .classes = classes, .test_share = test_share};
  if (transpose || no_transpose) options.transpose = transpose;
  if (!size.empty()) std::tie(options.height, options.width) = size_of(size).value();
  return options;
}

bool DataSettings::is_drawn() const {
  return path.empty() || path == letters;
}

std::string DataSettings::name() const {
  return path.empty() ? "synthetic digits" : is_drawn() ? "synthetic letters" : path;
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
              "CIFAR's binary files; or a file of NPZ or CSV. The word letters: synthetic letters, "
              "A to "
              "Z. Without it: synthetic digits")
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
  options
      .add("--class-names", s.class_names,
           "Names of the classes: a file with a line for each, or an EMNIST -mapping.txt")
      .type("FILE");
  return data;
}

ImageSets load(const DataSettings& settings, const DrawnOptions& drawn) {
  ImageSets sets =
      settings.is_drawn() ? draw(settings, drawn) : load_images(settings.path, settings.options());
  if (sets.validation) {
    sets.notes.push_back(
        fmt::format("the {} validation images are not used", sets.validation->size()));
  }
  if (!settings.class_names.empty()) {
    sets.class_names = read_class_names(settings.class_names, sets.train.classes);
  }
  return sets;
}

}  // namespace limbeck
