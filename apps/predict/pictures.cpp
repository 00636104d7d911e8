#include "apps/predict/pictures.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "apps/predict/prepare.h"
#include "core/parallel.h"
#include "data/formats/raw_sets.h"
#include "data/formats/resize.h"

namespace limbeck {
namespace {

constexpr const char* op = "read_image";
constexpr const char* standard_input = "-";

// What is left of it. Error: nothing, or more than a picture can have.
std::string read_standard_input() {
  constexpr std::size_t most = 8 * static_cast<std::size_t>(most_pixels) + 100'000'000;
  std::string bytes;
  std::string part(1 << 16, '\0');
  while (const std::size_t size = std::fread(part.data(), 1, part.size(), stdin)) {
    bytes.append(part, 0, size);
    if (bytes.size() > most) fail(op, "standard input: it is too large for a picture");
  }
  if (bytes.empty()) fail(op, "standard input: there is nothing to read, or no more");
  return bytes;
}

// Those in a folder and in the folders within; of one that cannot be read its own name.
void add_pictures(const std::string& folder, std::vector<std::string>& files) {
  namespace fs = std::filesystem;
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const std::string file = entry->path().string();
    std::error_code of_file;
    if (entry->is_directory(of_file) && !entry->is_symlink(of_file)) {
      add_pictures(file, files);
    } else if (detail::is_picture_name(file) && entry->is_regular_file(of_file)) {
      files.push_back(file);
    }
  }
  if (error) files.push_back(folder);
}

}  // namespace

std::vector<std::uint8_t> image_of(const detail::Picture& picture, const std::string& name,
                                   const Shape& image, PictureFit fit) {
  if (image.rank() != 3 || (image.dim(0) != 1 && image.dim(0) != 3)) {
    fail(op, "images must be (1, H, W) or (3, H, W); got {}", image);
  }
  const bool colours = image.dim(0) == 3;
  const Shape own{image.dim(0), picture.height, picture.width};
  if (!colours && fit != PictureFit::whole) {
    return prepare_image(
        grey_image(picture), name,
        {.height = image.dim(1), .width = image.dim(2), .as_is = fit == PictureFit::as_is});
  }
  if (fit == PictureFit::as_is && own != image) {
    fail(op, "{}: it is {} x {} and cannot be taken as it is: the network's images are {} x {}",
         name, picture.width, picture.height, image.dim(2), image.dim(1));
  }
  std::vector<std::uint8_t> pixels =
      colours ? detail::colours_of(picture) : detail::grey_of(picture);
  detail::put_channels_first(pixels, own);
  return own == image ? pixels : detail::resized(pixels, own, image);
}

std::vector<std::string> picture_files(const std::vector<std::string>& words) {
  namespace fs = std::filesystem;
  std::vector<std::string> files;
  for (const std::string& word : words) {
    std::error_code error;
    std::vector<std::string> within;
    if (fs::is_directory(word, error)) {
      add_pictures(word, within);
      std::ranges::sort(within);
    }
    if (within.empty()) within.push_back(word);
    files.insert(files.end(), within.begin(), within.end());
  }
  return files;
}

std::vector<std::uint8_t> read_image_of(const std::string& file, const Shape& image,
                                        PictureFit fit) {
  if (file == standard_input) {
    const std::string bytes = read_standard_input();
    return image_of(detail::decode_picture(op, "standard input", bytes), "standard input", image,
                    fit);
  }
  std::error_code error;
  if (std::filesystem::is_directory(file, error)) {
    std::filesystem::directory_iterator(file, error);
    if (error) fail(op, "{}: the folder cannot be read: {}", file, error.message());
    fail(op, "{}: a folder without pictures: no file in it is called .png, .jpg, .pgm or .ppm",
         file);
  }
  return image_of(detail::read_picture(op, file), file, image, fit);
}

std::vector<ReadImage> read_images_of(std::span<const std::string> files, const Shape& image,
                                      PictureFit fit) {
  std::vector<ReadImage> images(files.size());
  parallel_for(static_cast<Index>(files.size()), 4, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      ReadImage& read = images[static_cast<std::size_t>(i)];
      try {
        read.pixels = read_image_of(files[static_cast<std::size_t>(i)], image, fit);
      } catch (const Error& refused) {
        read.error = refused.what();
      }
    }
  });
  return images;
}

}  // namespace limbeck
