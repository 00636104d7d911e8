// Images as arrays of numpy: a file of NPZ, or files of NPY.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <functional>

#include "core/error.h"
#include "core/files/file.h"
#include "core/files/npy.h"
#include "data/formats/names.h"
#include "data/formats/raw_sets.h"
#include "data/formats/zip_file.h"

namespace limbeck::detail {
namespace {

// An array that is there to be read.
struct Place {
  std::string name{};  // for errors
  std::function<NpyArray()> read{};
};
struct Part {
  Place images{}, labels{};
};
using Parts = std::map<Role, Part>;

std::string bytes_of(const std::string& path) {
  FileReader file(load_op, path);
  return file.read_text(file.left());
}

// All elements as To, one after the other.
template <class From, class To>
std::vector<To> converted(const NpyArray& array) {
  std::vector<To> values(array.bytes.size() / sizeof(From));
  for (std::size_t i = 0; i < values.size(); ++i) {
    From value;
    std::memcpy(&value, array.bytes.data() + i * sizeof(From), sizeof(From));
    values[i] = static_cast<To>(value);
  }
  return values;
}

template <class To>
std::vector<To> elements_as(const NpyArray& array, const std::string& name) {
  const std::string kind = array.dtype.substr(1);
  if (kind == "b1" || kind == "u1") return converted<std::uint8_t, To>(array);
  if (kind == "i1") return converted<std::int8_t, To>(array);
  if (kind == "u2") return converted<std::uint16_t, To>(array);
  if (kind == "i2") return converted<std::int16_t, To>(array);
  if (kind == "u4") return converted<std::uint32_t, To>(array);
  if (kind == "i4") return converted<std::int32_t, To>(array);
  if (kind == "u8") return converted<std::uint64_t, To>(array);
  if (kind == "i8") return converted<std::int64_t, To>(array);
  if (kind == "f4") return converted<float, To>(array);
  if (kind == "f8") return converted<double, To>(array);
  fail(load_op, "{}: its elements are {}; save array.astype('<f4')", name, array.dtype);
}

// One a row: (N) or (N, 1).
std::vector<std::int64_t> labels_of(const NpyArray& array, const std::string& name) {
  const Shape& shape = array.shape;
  if (shape.rank() != 1 && !(shape.rank() == 2 && shape.dim(1) == 1)) {
    fail(load_op,
         "{}: labels are (N) or (N, 1), and these {}; of a row of 0 and 1 for each class, "
         "save its place, array.argmax(1)",
         name, shape);
  }
  if (array.dtype[1] != 'f') return elements_as<std::int64_t>(array, name);
  const std::vector<double> numbers = elements_as<double>(array, name);
  std::vector<std::int64_t> labels;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (!(std::abs(numbers[i]) < 1e15) || numbers[i] != std::floor(numbers[i])) {
      fail(load_op, "{}: label {} is {}, no whole number", name, i, numbers[i]);
    }
    labels.push_back(static_cast<std::int64_t>(numbers[i]));
  }
  return labels;
}

std::vector<std::uint8_t> pixels_of(const NpyArray& array, const std::string& name,
                                    RealsAsBytes& as_bytes, std::vector<std::string>& notes) {
  if (array.dtype == "|u1") return as_bytes(elements_as<std::uint8_t>(array, name), name, notes);
  return as_bytes(elements_as<float>(array, name), name, notes);
}

RawSet read_part(const Part& part, const ImageOptions& options, RealsAsBytes& as_bytes,
                 std::vector<std::string>& notes) {
  const NpyArray array = part.images.read();
  const std::vector<Index> dims(array.shape.begin(), array.shape.end());
  const Layout layout = layout_of(dims, options, part.images.name);
  if (array.shape.size() == 0) fail(load_op, "{}: it is empty, {}", part.images.name, array.shape);
  RawSet set{.image = layout.image,
             .pixels = pixels_of(array, part.images.name, as_bytes, notes),
             .labels = labels_of(part.labels.read(), part.labels.name),
             .file = part.labels.name};
  if (static_cast<Index>(set.labels.size()) != dims[0]) {
    fail(load_op, "{} has {} images and {} has {} labels", part.images.name, dims[0],
         part.labels.name, set.labels.size());
  }
  if (layout.channels_last) put_channels_first(set.pixels, set.image);
  return set;
}

RawSets read_parts(const Parts& parts, const std::string& where, const ImageOptions& options) {
  RawSets sets;
  RealsAsBytes as_bytes;
  for (const auto& [role, part] : parts) {
    const bool images = part.images.read != nullptr, labels = part.labels.read != nullptr;
    if (!images || !labels) {
      fail(load_op, "{}: {} is there, and the {} that belong to it are not", where,
           images ? part.images.name : part.labels.name, images ? "labels" : "images");
    }
    auto& place = sets.of(role);
    if (place) fail(load_op, "{}: more arrays than one are training images", where);
    place = read_part(part, options, as_bytes, sets.notes);
  }
  return sets;
}

// Puts an array where its name says that it belongs.
void add(std::map<std::string, Parts>& sets, const SetName& name, Place place) {
  Part& part = sets[name.set][name.role];
  Place& there = name.content == Content::images ? part.images : part.labels;
  if (there.read) {
    fail(load_op, "{} and {} say the same by their names: take one of them away", there.name,
         place.name);
  }
  there = std::move(place);
}

std::string stem_of(const std::string& file) {
  return std::filesystem::path(file).stem().string();
}

// The only array of a file of NPZ.
NpyArray only_array(const std::string& path) {
  const std::string bytes = bytes_of(path);
  const ZipFile zip(load_op, path, bytes);
  if (zip.members().size() != 1) {
    fail(load_op, "{} has {} arrays; by its name it should have one", path, zip.members().size());
  }
  return parse_npy(load_op, path, zip.read(zip.members()[0]));
}

}  // namespace

RawSets read_npz(const std::string& path, const ImageOptions& options) {
  const std::string bytes = bytes_of(path);
  const ZipFile zip(load_op, path, bytes);
  std::map<std::string, Parts> sets;
  std::vector<std::string> names;
  for (const ZipMember& member : zip.members()) {
    names.push_back(member.name);
    const SetName name = parse_name(member.name);
    if (!name.is_known || name.content == Content::unsaid) continue;
    add(sets, name,
        {.name = fmt::format("{}: {}", path, member.name), .read = [&path, &zip, &member] {
           return parse_npy(load_op, fmt::format("{}: {}", path, member.name), zip.read(member));
         }});
  }
  if (sets.empty()) {
    fail(load_op, "{}: it has {}; they should be called x_train, y_train, x_test, y_test or so",
         path, names.empty() ? "no arrays" : list_of(names));
  }
  if (sets.size() > 1) {
    std::erase_if(sets, [&](const auto& set) {
      return options.set.empty() || set.first.find(lower_case(options.set)) == std::string::npos;
    });
    if (sets.size() != 1) {
      fail(load_op, "{}: it has {}, which are several sets: choose one by its name, --set NAME",
           path, list_of(names, 20));
    }
  }
  return read_parts(sets.begin()->second, path, options);
}

std::vector<Found> array_sets(const Listing& folder) {
  std::vector<Found> found;
  std::map<std::string, Parts> sets;
  for (const std::string& file : folder.files) {
    const bool is_npz = has_ending(file, ".npz"), is_npy = has_ending(file, ".npy");
    const SetName name = parse_name(stem_of(file));
    const bool is_part = name.is_known && name.content != Content::unsaid;
    const std::string path = folder.of(file);
    if (is_npz && !is_part) {
      found.push_back({.name = lower_case(stem_of(file)),
                       .what = "NPZ",
                       .read = [path](const auto& options) { return read_npz(path, options); }});
    } else if (is_npz) {
      add(sets, name, {.name = path, .read = [path] { return only_array(path); }});
    } else if (is_npy && is_part) {
      add(sets, name,
          {.name = path, .read = [path] { return parse_npy(load_op, path, bytes_of(path)); }});
    }
  }
  for (const auto& [set, parts] : sets) {
    found.push_back({.name = set.empty() ? "npy" : set,
                     .what = "NPY",
                     .read = [path = folder.path, parts = parts](const ImageOptions& options) {
                       return read_parts(parts, path, options);
                     }});
  }
  return found;
}

}  // namespace limbeck::detail
