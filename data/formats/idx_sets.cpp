// Sets of IDX files, by all the names that they go by.
#include <algorithm>
#include <array>
#include <filesystem>

#include "core/error.h"
#include "data/formats/classes.h"
#include "data/formats/idx_array.h"
#include "data/formats/names.h"
#include "data/formats/raw_sets.h"

namespace limbeck::detail {
namespace {

constexpr std::array<std::uint32_t, 2> of_images = {0x803, 0x804};
constexpr std::array<std::uint32_t, 3> of_labels = {0x801, 0xC02, 0xC01};

// Two files of a part; "" where one is missing.
struct Part {
  std::string images{}, labels{};
};
using Parts = std::map<Role, Part>;

// Whether it is one of MNIST's four names, which load_mnist reads; with .gz or without.
bool is_of_mnist(const std::string& path) {
  constexpr std::array<std::string_view, 4> names = {
      "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte",
      "t10k-labels-idx1-ubyte"};
  const std::string file = std::filesystem::path(path).filename().string();
  return std::ranges::any_of(names, [&](std::string_view name) {
    return file == name || (file.ends_with(".gz") && file.substr(0, file.size() - 3) == name);
  });
}

// By the set's name. Of a file that is there plain and gzipped, the plain one; of one that is there
// by MNIST's name and another, MNIST's.
std::map<std::string, Parts> parts_of(const Listing& folder) {
  std::map<std::string, Parts> sets;
  for (const std::string& file : folder.files) {
    const SetName name = parse_name(file);
    const bool whole = name.is_known && name.is_idx && name.role != Role::unsaid &&
                       name.content != Content::unsaid;
    if (!whole) continue;
    Part& part = sets[name.set][name.role];
    std::string& place = name.content == Content::images ? part.images : part.labels;
    const std::string path = folder.of(file);
    if (is_of_mnist(place)) continue;
    if (is_of_mnist(path)) place.clear();
    if (!place.empty() && place + ".gz" != path) {
      fail(load_op, "{} and {} are the same part of one set: take one of them away", place, path);
    }
    if (place.empty()) place = path;
  }
  return sets;
}

// The classes of labels, of which QMNIST has eight numbers each and the class is the first.
std::vector<std::int64_t> labels_of(const IdxArray& array, const std::string& file) {
  const auto count = static_cast<std::size_t>(array.dims[0]);
  const Index columns = array.dims.size() == 2 ? array.dims[1] : 1;
  if (array.dims.size() == 2 && columns != 8) {
    fail(load_op, "{}: its labels have {} columns; QMNIST's have 8, others one", file, columns);
  }
  std::vector<std::int64_t> labels(count);
  const std::size_t each = array.bytes.size() / count;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint8_t* const at = &array.bytes[i * each];
    labels[i] = each == 1 ? std::int64_t{*at} : static_cast<std::int32_t>(big_endian(at));
  }
  return labels;
}

RawSet read_part(const Part& part, const ImageOptions& options) {
  IdxArray images = read_idx_array(load_op, part.images, "images", of_images);
  const IdxArray labels = read_idx_array(load_op, part.labels, "labels", of_labels);
  if (images.dims[0] != labels.dims[0]) {
    fail(load_op, "{} has {} images and {} has {} labels", part.images, images.dims[0], part.labels,
         labels.dims[0]);
  }
  const Layout layout = layout_of(images.dims, options, part.images);
  if (layout.channels_last) put_channels_first(images.bytes, layout.image);
  return {.image = layout.image,
          .pixels = std::move(images.bytes),
          .labels = labels_of(labels, part.labels),
          .file = part.labels};
}

RawSets read_set(const Listing& folder, const std::string& set, const Parts& parts,
                 const ImageOptions& options) {
  RawSets sets;
  for (const auto& [role, part] : parts) {
    if (part.images.empty() || part.labels.empty()) {
      fail(load_op, "{}: {} is there, and its file of {} is not", folder.path,
           part.images.empty() ? part.labels : part.images,
           part.images.empty() ? "images" : "labels");
    }
    sets.of(role) = read_part(part, options);
  }
  if (set.empty()) sets.classes = 10;
  sets.on_their_side = set.starts_with("emnist");
  const auto mapping = std::ranges::find(folder.files, set + "-mapping.txt");
  if (mapping != folder.files.end()) sets.class_names = mapping_of(folder.of(*mapping));
  return sets;
}

}  // namespace

std::vector<Found> idx_sets(const Listing& folder) {
  std::vector<Found> found;
  for (const auto& [set, parts] : parts_of(folder)) {
    found.push_back({.name = set.empty() ? "idx" : set,
                     .what = "IDX files",
                     .read = [folder, set = set, parts = parts](const ImageOptions& options) {
                       return read_set(folder, set, parts, options);
                     }});
  }
  return found;
}

}  // namespace limbeck::detail
