#include "data/idx.h"

#include <array>
#include <filesystem>

#include "core/error.h"
#include "data/formats/idx_array.h"

namespace limbeck {
namespace {

// The file of this name in the folder, plain or with .gz.
std::string find(const std::filesystem::path& folder, const std::string& name) {
  for (const std::string& candidate : {name, name + ".gz"}) {
    if (std::filesystem::exists(folder / candidate)) return (folder / candidate).string();
  }
  fail("load_mnist", "{} has no file {} or {}.gz", folder.string(), name, name);
}

}  // namespace

Dataset read_idx(const std::string& images_file, const std::string& labels_file, Index classes) {
  constexpr std::array<std::uint32_t, 1> of_images = {0x803}, of_labels = {0x801};
  detail::IdxArray images = detail::read_idx_array("read_idx", images_file, "images", of_images);
  const detail::IdxArray labels =
      detail::read_idx_array("read_idx", labels_file, "labels", of_labels);
  if (images.dims[0] != labels.dims[0]) {
    fail("read_idx", "{} has {} images and {} has {} labels", images_file, images.dims[0],
         labels_file, labels.dims[0]);
  }
  Dataset data{.image = {1, images.dims[1], images.dims[2]},
               .classes = classes,
               .pixels = std::move(images.bytes),
               .class_ids = {labels.bytes.begin(), labels.bytes.end()}};
  for (std::size_t i = 0; i < data.class_ids.size(); ++i) {
    if (data.class_ids[i] >= classes) {
      fail("read_idx", "{}: label {} is {}; there are {} classes, 0 to {}", labels_file, i,
           data.class_ids[i], classes, classes - 1);
    }
  }
  return data;
}

TrainTest load_mnist(const std::string& folder) {
  if (!std::filesystem::is_directory(folder)) {
    fail("load_mnist",
         "{} is not a folder; it should hold train-images-idx3-ubyte and the three "
         "files that belong to it",
         folder);
  }
  const auto read = [&](const std::string& set) {
    const std::string images = find(folder, set + "-images-idx3-ubyte");
    return read_idx(images, find(folder, set + "-labels-idx1-ubyte"), 10);
  };
  TrainTest sets{.train = read("train"), .test = read("t10k")};
  if (sets.train.image != sets.test.image) {
    fail("load_mnist", "{}: the training images are {} and the test images {}", folder,
         sets.train.image, sets.test.image);
  }
  return sets;
}

}  // namespace limbeck
