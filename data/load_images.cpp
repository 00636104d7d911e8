#include "data/load_images.h"

#include <algorithm>
#include <filesystem>

#include "core/error.h"
#include "data/formats/classes.h"
#include "data/formats/names.h"
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
  // MNIST's folders are read whatever else lies there: a table of results, plots.
  if (options.set.empty()) {
    const std::vector<Found> idx = detail::idx_sets(folder);
    if (idx.size() == 1) return idx[0].read(options);
  }
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

void check_shapes(RawSets& raw, const std::string& path) {
  const Shape& image = raw.train->image;
  for (const RawSet* const set : detail::all_of(raw)) {
    if (set->labels.empty()) fail(load_op, "{}: a set has no images", path);
    if (set->image.dim(0) != image.dim(0)) {
      fail(load_op, "{}: the training images have {} channels and others {}; save all with as many",
           path, image.dim(0), set->image.dim(0));
    }
    if (set->image != image) {
      fail(load_op, "{}: the training images are {} and others {}; --size HxW brings all to one",
           path, image, set->image);
    }
  }
}

Dataset dataset_of(RawSet& raw, const detail::Classes& classes) {
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
    for (RawSet* const set : detail::all_of(raw)) transpose(*set);
    if (!options.transpose) {
      raw.notes.push_back("EMNIST's images lie on their side and are turned upright");
    }
  }
  if (options.height == 0) return;
  for (RawSet* const set : detail::all_of(raw)) {
    const Shape wanted{set->image.dim(0), options.height, options.width};
    if (set->image == wanted) continue;
    raw.notes.push_back(fmt::format("images of {} x {} are scaled to {} x {}", set->image.dim(1),
                                    set->image.dim(2), options.height, options.width));
    set->pixels = detail::resized(set->pixels, set->image, wanted);
    set->image = wanted;
  }
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
  detail::number_words(raw);
  change_images(raw, options);
  check_shapes(raw, path);
  const detail::Classes classes = detail::classes_of(raw, options);
  ImageSets sets{.train = dataset_of(*raw.train, classes),
                 .test = {},
                 .validation = {},
                 .class_names = detail::names_of(raw, classes, path),
                 .notes = std::move(raw.notes)};
  if (raw.test) sets.test = dataset_of(*raw.test, classes);
  if (raw.validation) sets.validation = dataset_of(*raw.validation, classes);
  if (!raw.test) detail::hold_back(sets, options.test_share);
  detail::check_classes(sets, options, path);
  return sets;
}

}  // namespace limbeck
