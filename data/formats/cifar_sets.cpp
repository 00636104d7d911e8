// The binary versions of CIFAR-10 and CIFAR-100: records of one or two labels and the pixels of an
// image, three planes of 32 × 32, red first. Source: A. Krizhevsky, "Learning multiple layers of
// features from tiny images" (2009), and the README of its files.
#include <algorithm>
#include <limits>

#include "core/error.h"
#include "data/formats/names.h"
#include "data/formats/packed_file.h"
#include "data/formats/raw_sets.h"

namespace limbeck::detail {
namespace {

constexpr std::size_t pixels_each = 3072;

// What differs between the two.
struct Kind {
  const char* name;
  std::size_t labels;  // bytes before the pixels, of which the last is the class
  const char* class_names;
};
constexpr Kind cifar10 = {"cifar-10", 1, "batches.meta.txt"};
constexpr Kind cifar100 = {"cifar-100", 2, "fine_label_names.txt"};

RawSet read_records(const Listing& folder, const std::vector<std::string>& files,
                    const Kind& kind) {
  RawSet set{.image = {3, 32, 32}, .file = folder.of(files[0])};
  for (const std::string& file : files) {
    PackedFile packed(load_op, folder.of(file));
    const std::string bytes = packed.read_rest(std::numeric_limits<std::size_t>::max());
    const std::size_t each = kind.labels + pixels_each;
    if (bytes.empty() || bytes.size() % each != 0) {
      packed.refuse("it has {} bytes, which are no records of {}, as {} has them{}", bytes.size(),
                    each, kind.name, other_kind(std::string_view(bytes).substr(0, 512)));
    }
    for (std::size_t at = 0; at < bytes.size(); at += each) {
      set.labels.push_back(static_cast<std::uint8_t>(bytes[at + kind.labels - 1]));
      const auto first = bytes.begin() + static_cast<std::ptrdiff_t>(at + kind.labels);
      set.pixels.insert(set.pixels.end(), first, first + pixels_each);
    }
  }
  return set;
}

RawSets read_sets(const Listing& folder, const std::vector<std::string>& train,
                  const std::vector<std::string>& test, const Kind& kind) {
  RawSets sets;
  if (!train.empty()) sets.train = read_records(folder, train, kind);
  if (!test.empty()) sets.test = read_records(folder, test, kind);
  if (std::ranges::find(folder.files, kind.class_names) != folder.files.end()) {
    std::int64_t label = 0;
    for (const std::string& name : lines_in(folder.of(kind.class_names))) {
      sets.class_names[label++] = name;
    }
  }
  return sets;
}

// The files that are called so, with .gz or not.
std::vector<std::string> files_of(const Listing& folder, const std::string& begin) {
  std::vector<std::string> files;
  for (const std::string& file : folder.files) {
    if (file.starts_with(begin) && has_ending(file, ".bin")) files.push_back(file);
  }
  return files;
}

}  // namespace

std::vector<Found> cifar_sets(const Listing& folder) {
  std::vector<Found> found;
  const auto add = [&](const Kind& kind, const char* train, const char* test) {
    const std::vector<std::string> train_files = files_of(folder, train);
    const std::vector<std::string> test_files = files_of(folder, test);
    if (train_files.empty() && test_files.empty()) return;
    found.push_back(
        {.name = kind.name, .what = "CIFAR's binary files", .read = [=](const ImageOptions&) {
           return read_sets(folder, train_files, test_files, kind);
         }});
  };
  add(cifar10, "data_batch_", "test_batch.");
  add(cifar100, "train.", "test.");
  const bool pickles = std::ranges::find(folder.files, "data_batch_1") != folder.files.end();
  if (pickles) {
    fail(load_op,
         "{}: its batches are pickles of Python, which are not read: take the binary version, "
         "cifar-10-binary.tar.gz",
         folder.path);
  }
  return found;
}

}  // namespace limbeck::detail
