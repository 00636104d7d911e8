#include "data/load_images.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>

#include "core/error.h"
#include "data/formats/names.h"
#include "data/formats/raw_sets.h"
#include "data/formats/resize.h"

namespace limbeck {
namespace {

using detail::Found;
using detail::list_of;
using detail::Listing;
using detail::load_op;
using detail::RawSet;
using detail::RawSets;

constexpr const char* known_kinds =
    "IDX files, NPZ or NPY, CSV, folders of pictures, or CIFAR's binary files";

std::vector<Found> sets_in(const Listing& folder) {
  std::vector<Found> all;
  for (const auto& of_kind : {detail::idx_sets, detail::array_sets, detail::csv_sets,
                              detail::cifar_sets, detail::picture_sets}) {
    std::vector<Found> more = of_kind(folder);
    std::ranges::move(more, std::back_inserter(all));
  }
  return all;
}

[[noreturn]] void refuse_nothing(const Listing& folder) {
  std::string hint;
  for (const std::string& inner : folder.folders) {
    const std::vector<Found> sets = sets_in(Listing(folder.of(inner)));
    if (hint.empty() && !sets.empty()) {
      hint = fmt::format("; {} are in {}: give that folder", sets[0].what, folder.of(inner));
    }
  }
  if (hint.empty() && !folder.files.empty()) {
    hint = fmt::format("; it has {}", list_of(folder.files, 4));
  }
  fail(load_op, "{} has no images of a kind that is known, {}{}", folder.path, known_kinds, hint);
}

// The one set of a folder, or that of several whose name is, or has in it, what was asked for.
RawSets read_folder(const std::string& path, const ImageOptions& options) {
  const Listing folder(path);
  std::vector<Found> sets = sets_in(folder);
  if (sets.empty()) refuse_nothing(folder);
  std::vector<std::string> names;
  for (const Found& set : sets) names.push_back(fmt::format("{} ({})", set.name, set.what));
  if (options.set.empty() && sets.size() > 1) {
    fail(load_op, "{} holds {} sets, {}: choose one by its name, --set {}", folder.path,
         sets.size(), list_of(names, 20), sets[0].name);
  }
  if (options.set.empty()) return sets[0].read(options);
  const auto exact = std::ranges::find(sets, options.set, &Found::name);
  if (exact != sets.end()) return exact->read(options);
  std::erase_if(sets, [&](const Found& set) {
    return set.name.find(detail::lower_case(options.set)) == std::string::npos;
  });
  if (sets.size() != 1) {
    fail(load_op, "{} has {} set {}; it holds {}", folder.path,
         sets.empty() ? "no" : "more than one", options.set, list_of(names, 20));
  }
  return sets[0].read(options);
}

RawSets read_path(const std::string& path, const ImageOptions& options) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) fail(load_op, "{}: there is no such folder or file", path);
  if (std::filesystem::is_directory(status)) return read_folder(path, options);
  if (detail::has_ending(path, ".npz")) return detail::read_npz(path, options);
  if (detail::has_ending(path, ".csv")) return detail::read_csv(path, options);
  fail(
      load_op,
      "{}: a single file is read if it is .npz or .csv; of other kinds give the folder they are in",
      path);
}

// All sets that are there, the training set first.
std::vector<RawSet*> all_of(RawSets& raw) {
  std::vector<RawSet*> sets;
  for (auto* const set : {&raw.train, &raw.test, &raw.validation}) {
    if (*set) sets.push_back(&**set);
  }
  return sets;
}

void check_shapes(RawSets& raw, const std::string& path) {
  const Shape& image = raw.train->image;
  for (const RawSet* const set : all_of(raw)) {
    if (set->labels.empty()) fail(load_op, "{}: a set has no images", path);
    if (set->image != image) {
      fail(load_op, "{}: the training images are {} and others {}; --size HxW brings all to one",
           path, image, set->image);
    }
  }
}

// Labels that are words, "cat" say, as places in the sorted list of the training set's.
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
  std::ranges::sort(words);
  for (RawSet* const set : all_of(raw)) {
    std::vector<std::int64_t> places;
    for (const std::string& word : set->words) {
      const auto at = std::ranges::lower_bound(words, word);
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

// How many classes there are, and by how much labels are shifted to begin at 0.
struct Classes {
  Index count;
  std::int64_t first;
};

Classes classes_of(RawSets& raw, const ImageOptions& options) {
  constexpr std::int64_t most = 10'000;
  std::int64_t least = std::numeric_limits<std::int64_t>::max(), largest = 0;
  for (const RawSet* const set : all_of(raw)) {
    const std::int64_t limit = options.classes > 0 ? options.classes : most;
    for (std::size_t i = 0; i < set->labels.size(); ++i) {
      const std::int64_t label = set->labels[i];
      if (label < 0 || label > limit) {
        fail(load_op, "{}: label {} is {}; {}", set->file, i, label,
             label < 0             ? "classes are counted from 0, or from 1"
             : options.classes > 0 ? fmt::format("there are {} classes", limit)
                                   : fmt::format("more than {} classes are taken for a mistake: "
                                                 "give their number, --classes N",
                                                 most));
      }
      least = std::min(least, label);
      largest = std::max(largest, label);
    }
  }
  const bool from_1 = least == 1 && (options.classes == 0 || largest == options.classes);
  if (options.classes > 0 && !from_1 && largest >= options.classes) {
    fail(load_op, "labels go from {} to {}; with {} classes they go from 0 to {}, or from 1 to {}",
         least, largest, options.classes, options.classes - 1, options.classes);
  }
  if (from_1) {
    raw.notes.push_back(
        fmt::format("labels from 1 to {} are shifted: classes 0 to {}", largest, largest - 1));
  }
  const std::int64_t first = from_1 ? 1 : 0;
  return {.count = options.classes > 0 ? options.classes : largest - first + 1, .first = first};
}

Dataset dataset_of(RawSet& raw, const Classes& classes) {
  Dataset data{.image = raw.image,
               .classes = classes.count,
               .pixels = std::move(raw.pixels),
               .class_ids = {}};
  data.class_ids.reserve(raw.labels.size());
  for (const std::int64_t label : raw.labels) {
    data.class_ids.push_back(static_cast<std::int32_t>(label - classes.first));
  }
  return data;
}

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

// Classes that the training images lack: said, or an error if the test images have one and nobody
// told the number of classes.
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

// Moves the share of the training images of each class, drawn at random, to the test set; both keep
// their order.
void split(ImageSets& sets, double share) {
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

void transpose(RawSet& set) {
  const Index h = set.image.dim(1), w = set.image.dim(2), plane = h * w;
  std::vector<std::uint8_t> before(static_cast<std::size_t>(plane));
  for (auto at = set.pixels.begin(); at != set.pixels.end(); at += plane) {
    std::copy_n(at, plane, before.begin());
    for (Index y = 0; y < h; ++y) {
      for (Index x = 0; x < w; ++x) at[x * h + y] = before[static_cast<std::size_t>(y * w + x)];
    }
  }
  set.image = {set.image.dim(0), w, h};
}

// What the options ask for of the images themselves.
void change_images(RawSets& raw, const ImageOptions& options) {
  if (options.transpose.value_or(raw.on_their_side)) {
    for (RawSet* const set : all_of(raw)) transpose(*set);
    if (!options.transpose) {
      raw.notes.push_back("EMNIST's images lie on their side and are turned upright");
    }
  }
  if (options.height == 0) return;
  for (RawSet* const set : all_of(raw)) {
    const Shape wanted{set->image.dim(0), options.height, options.width};
    if (set->image == wanted) continue;
    raw.notes.push_back(fmt::format("images of {} x {} are scaled to {} x {}", set->image.dim(1),
                                    set->image.dim(2), options.height, options.width));
    set->pixels = detail::resized(set->pixels, set->image, wanted);
    set->image = wanted;
  }
}

// A name a line, for each class in order, from a file of the folder.
std::vector<std::string> names_in(const std::string& path, Index classes) {
  constexpr const char* file = "class_names.txt";
  const std::string name = path + "/" + file;
  if (!std::filesystem::is_regular_file(name)) return {};
  std::vector<std::string> names = detail::lines_in(name);
  if (static_cast<Index>(names.size()) != classes) {
    fail(load_op, "{} has {} names; there are {} classes", name, names.size(), classes);
  }
  return names;
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

void check_options(const ImageOptions& options) {
  constexpr Index most_classes = 1'000'000;
  if (options.classes < 0 || options.classes > most_classes) {
    fail(load_op, "classes must be from 1 to {}; got {}", most_classes, options.classes);
  }
  if (!(options.test_share >= 0 && options.test_share < 1)) {
    fail(load_op, "the share of test images must be from 0 to below 1; got {}", options.test_share);
  }
  constexpr Index longest = 4096;
  if (options.height < 0 || options.width < 0 || (options.height == 0) != (options.width == 0) ||
      options.height > longest || options.width > longest) {
    fail(load_op, "a size is HxW, each from 1 to {}; got {}x{}", longest, options.height,
         options.width);
  }
}

}  // namespace

ImageSets load_images(const std::string& path, const ImageOptions& options) {
  check_options(options);
  RawSets raw = read_path(path, options);
  if (!raw.train) fail(load_op, "{}: there are no training images", path);
  if (!raw.test && options.test_share == 0) {
    fail(load_op,
         "{}: there are no test images; --test-share 0.2 holds a fifth of the images back for that",
         path);
  }
  if (raw.test && options.test_share > 0) {
    fail(load_op, "{}: there are test images; leave out --test-share", path);
  }
  number_words(raw);
  change_images(raw, options);
  check_shapes(raw, path);
  const Classes classes = classes_of(raw, options);
  ImageSets sets{.train = dataset_of(*raw.train, classes),
                 .test = {},
                 .validation = {},
                 .class_names = names_of(raw, classes, path),
                 .notes = std::move(raw.notes)};
  if (raw.test) sets.test = dataset_of(*raw.test, classes);
  if (raw.validation) sets.validation = dataset_of(*raw.validation, classes);
  if (!raw.test) split(sets, options.test_share);
  check_classes(sets, options, path);
  return sets;
}

}  // namespace limbeck
