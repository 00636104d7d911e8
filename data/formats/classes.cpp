#include "data/formats/classes.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>
#include <sstream>
#include <tuple>

#include "core/error.h"
#include "data/formats/names.h"

namespace limbeck::detail {
namespace {

// The images of each class, in order.
std::vector<std::vector<Index>> by_class(const Dataset& data) {
  std::vector<std::vector<Index>> images(static_cast<std::size_t>(data.classes));
  for (Index i = 0; i < data.size(); ++i) {
    images[static_cast<std::size_t>(data.label_of(i))].push_back(i);
  }
  return images;
}

// "3 (cat)", or "3" where it has no name.
std::string name_of(std::size_t id, const std::vector<std::string>& names) {
  return names.empty() ? fmt::format("{}", id) : fmt::format("{} ({})", id, names[id]);
}

// A line of EMNIST's lists as a label and a name; "" for any other line.
std::pair<std::int64_t, std::string> mapped(const std::string& line) {
  std::istringstream numbers(line);
  std::int64_t label = 0, code = 0;
  std::string name;
  numbers >> label;
  while (numbers >> code && code > 32 && code < 127) name += static_cast<char>(code);
  if (!numbers.eof()) name.clear();
  return {label, name};
}

// These, if they are as many as the classes and not none.
std::vector<std::string> checked(std::vector<std::string> names, const std::string& path,
                                 Index classes) {
  if (names.empty()) fail(load_op, "{} has none: a line for each class belongs there", path);
  if (static_cast<Index>(names.size()) == classes) return names;
  fail(load_op, "{} has {} names; there are {} classes", path, names.size(), classes);
}

// A name a line, for each class in order, from a file of the folder. (It is no mapping, though all
// its names be numbers.)
std::vector<std::string> names_in(const std::string& path, Index classes) {
  constexpr const char* file = "class_names.txt";
  const std::filesystem::path place(path);
  const bool folder = std::filesystem::is_directory(place);
  const std::string name = (folder ? place : place.parent_path()) / file;
  std::error_code broken;  // a link to itself is no file
  if (!std::filesystem::is_regular_file(name, broken)) return {};
  return checked(lines_in(name), name, classes);
}

// That all labels are from 0 to `largest`.
void check_labels(RawSets& raw, std::int64_t largest, const std::string& otherwise) {
  for (const RawSet* const set : all_of(raw)) {
    for (std::size_t i = 0; i < set->labels.size(); ++i) {
      const std::int64_t label = set->labels[i];
      if (label >= 0 && label <= largest) continue;
      fail(load_op, "{}: label {} is {}; {}", set->file, i, label,
           label < 0 ? "classes are counted from 0, or from 1" : otherwise);
    }
  }
}

std::string range_of(Index classes, bool told) {
  return fmt::format("labels of {} classes go from 0 to {}, or from 1 to {}{}", classes,
                     classes - 1, classes,
                     told ? "" : "; --classes N tells another number than MNIST's");
}

// That most classes have training images, or else a wrong label may have made them.
void check_largest(RawSets& raw, const Classes& classes) {
  const std::set<std::int64_t> seen(raw.train->labels.begin(), raw.train->labels.end());
  if (2 * static_cast<Index>(seen.size()) >= classes.count) return;
  const std::int64_t largest = classes.first + classes.count - 1;
  for (const RawSet* const set : all_of(raw)) {
    const auto at = std::ranges::find(set->labels, largest);
    if (at == set->labels.end()) continue;
    fail(load_op,
         "{}: label {} is {}, and only {} of so many classes have training images; --classes {} "
         "says that this is meant",
         set->file, at - set->labels.begin(), largest, seen.size(), classes.count);
  }
}

// Numbers by their values, other words by their letters.
bool comes_before(const std::string& a, const std::string& b) {
  const auto value = [](const std::string& word) {
    const bool number = word.find_first_not_of("0123456789") == std::string::npos;
    std::string digits =
        number ? word.substr(std::min(word.find_first_not_of('0'), word.size())) : "";
    const std::size_t length = number ? digits.size() : std::string::npos;
    return std::tuple(length, std::move(digits), word);
  };
  return value(a) < value(b);
}

}  // namespace

std::vector<RawSet*> all_of(RawSets& raw) {
  std::vector<RawSet*> sets;
  for (auto* const set : {&raw.train, &raw.test, &raw.validation}) {
    if (*set) sets.push_back(&**set);
  }
  return sets;
}

void number_words(RawSets& raw) {
  std::vector<std::string> words = raw.train->words;
  if (words.empty()) {
    for (const RawSet* const set : all_of(raw)) {
      if (!set->words.empty()) {
        fail(load_op, "{}: its labels are words, and those of the training images are numbers",
             set->file);
      }
    }
    return;
  }
  std::ranges::sort(words, comes_before);
  for (RawSet* const set : all_of(raw)) {
    std::vector<std::int64_t> places;
    for (const std::string& word : set->words) {
      const auto at = std::ranges::lower_bound(words, word, comes_before);
      if (at == words.end() || *at != word) {
        fail(load_op, "{}: its class {} is none of the training images', which are {}", set->file,
             word, list_of(words));
      }
      places.push_back(at - words.begin());
    }
    if (places.empty()) {
      fail(load_op, "{}: its labels are numbers, and those of the training images are words",
           set->file);
    }
    for (std::int64_t& label : set->labels) label = places[static_cast<std::size_t>(label)];
  }
  for (std::size_t i = 0; i < words.size(); ++i) {
    raw.class_names[static_cast<std::int64_t>(i)] = words[i];
  }
}

Classes classes_of(RawSets& raw, const ImageOptions& options) {
  constexpr std::int64_t most = 10'000;
  const bool told = options.classes > 0;
  const Index asked = told ? options.classes : raw.classes;
  check_labels(raw, asked > 0 ? asked : most,
               asked > 0 ? range_of(asked, told)
                         : fmt::format("more than {} classes are taken for a mistake: give their "
                                       "number, --classes N",
                                       most));
  std::int64_t least = most, largest = 0;
  for (const RawSet* const set : all_of(raw)) {
    if (set->labels.empty()) continue;
    least = std::min(least, std::ranges::min(set->labels));
    largest = std::max(largest, std::ranges::max(set->labels));
  }
  const bool from_1 = least == 1 && (asked == 0 || largest == asked);
  if (from_1) {
    raw.notes.push_back(
        fmt::format("labels from 1 to {} are shifted: classes 0 to {}", largest, largest - 1));
  } else if (asked > 0) {
    check_labels(raw, asked - 1, range_of(asked, told));
  }
  const std::int64_t first = from_1 ? 1 : 0;
  const Classes classes{.count = asked > 0 ? asked : largest - first + 1, .first = first};
  if (asked == 0) check_largest(raw, classes);
  return classes;
}

std::vector<std::string> names_of(const RawSets& raw, const Classes& classes,
                                  const std::string& path) {
  std::vector<std::string> names = names_in(path, classes.count);
  if (!names.empty() || raw.class_names.empty()) return names;
  for (std::int64_t label = classes.first; label < classes.first + classes.count; ++label) {
    const auto name = raw.class_names.find(label);
    names.push_back(name == raw.class_names.end() ? fmt::format("{}", label) : name->second);
  }
  return names;
}

std::map<std::int64_t, std::string> mapping_of(const std::string& path) {
  std::map<std::int64_t, std::string> names;
  for (const std::string& line : lines_in(path)) {
    const auto [label, name] = mapped(line);
    if (name.empty()) {
      fail(load_op, "{}: '{}' is not a label and the codes of its characters", path,
           line.substr(0, 40));
    }
    names[label] = name;
  }
  return names;
}

void check_classes(ImageSets& sets, const ImageOptions& options, const std::string& path) {
  const auto train = by_class(sets.train), test = by_class(sets.test);
  std::vector<std::string> missing;
  for (std::size_t c = 0; c < train.size(); ++c) {
    if (!train[c].empty()) continue;
    missing.push_back(name_of(c, sets.class_names));
    if (test[c].empty() || options.classes > 0) continue;
    fail(load_op,
         "{}: test image {} is of class {}, of which there is no training image; --classes {} says "
         "that this is meant",
         path, test[c][0], missing.back(), train.size());
  }
  if (missing.empty()) return;
  sets.notes.push_back(fmt::format("no training images of {} {}",
                                   missing.size() > 1 ? "classes" : "class", list_of(missing)));
}

void hold_back(ImageSets& sets, double share) {
  Rng rng(1);
  std::vector<bool> moved(static_cast<std::size_t>(sets.train.size()));
  for (const std::vector<Index>& images : by_class(sets.train)) {
    const auto size = static_cast<Index>(images.size());
    const auto wanted = static_cast<Index>(std::lround(share * static_cast<double>(size)));
    const Index count = size < 2 ? 0 : std::clamp<Index>(wanted, 1, size - 1);
    const std::vector<Index> order = rng.permutation(size);
    for (Index i = 0; i < count; ++i) {
      const Index place = order[static_cast<std::size_t>(i)];
      moved[static_cast<std::size_t>(images[static_cast<std::size_t>(place)])] = true;
    }
  }
  std::vector<Index> kept, taken;
  for (Index i = 0; i < sets.train.size(); ++i) {
    (moved[static_cast<std::size_t>(i)] ? taken : kept).push_back(i);
  }
  if (taken.empty()) fail(load_op, "no class has two images, one of which to test by");
  sets.test = sets.train.select(taken);
  sets.train = sets.train.select(kept);
  sets.notes.push_back(fmt::format("{} of {} images are held back for the test, {:g} of each class",
                                   taken.size(), taken.size() + kept.size(), share));
}

}  // namespace limbeck::detail

namespace limbeck {

std::vector<std::string> read_class_names(const std::string& path, Index classes) {
  constexpr const char* op = detail::load_op;
  std::vector<std::string> names = detail::lines_in(path);
  const auto is_name = [](auto& line) { return detail::mapped(line).second.empty(); };
  if (!names.empty() && std::ranges::none_of(names, is_name)) {
    const auto mapping = detail::mapping_of(path);
    names.clear();
    for (const auto& [label, name] : mapping) names.push_back(name);
    const std::int64_t first = mapping.begin()->first, last = mapping.rbegin()->first;
    const bool whole =
        (first == 0 || first == 1) && last == first + static_cast<std::int64_t>(mapping.size()) - 1;
    if (static_cast<Index>(names.size()) == classes && !whole) {
      fail(op, "{} has labels from {} to {}; those of {} classes go from 0 or from 1 on", path,
           first, last, classes);
    }
  }
  return detail::checked(std::move(names), path, classes);
}

}  // namespace limbeck
