// Pictures that a program is given: files, folders of them, and standard input.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "apps/predict/image_file.h"

namespace limbeck {

// How a picture becomes an image of a network's size.
enum class PictureFit {
  usual,  // in grey as MNIST's digits were made (apps/predict/prepare.h), in colours as `whole`
  whole,  // all of it, scaled as load_images does with --size
  as_is   // it has that size, and its pixels are taken as they are
};

// The bytes (C, H, W) that a network for such images gets, of one channel in grey, of three in
// colours, where a grey picture has all three alike. Error, beginning with `name`: as_is and
// another size; prepare_image's.
std::vector<std::uint8_t> image_of(const detail::Picture& picture, const std::string& name,
                                   const Shape& image, PictureFit fit);

// The files that the words mean: of a folder all pictures in it and in the folders within, sorted;
// every other word is a file, and "-" standard input. A folder without pictures, and one
// within that cannot be read, stays, to be refused as a file.
std::vector<std::string> picture_files(const std::vector<std::string>& words);

// A file's image, or why there is none.
struct ReadImage {
  std::vector<std::uint8_t> pixels{};
  std::string error{};  // "" where the image is there
};

// The image of one file. Error: read_picture's and image_of's; a folder without pictures; standard
// input for the second time.
std::vector<std::uint8_t> read_image_of(const std::string& file, const Shape& image,
                                        PictureFit fit);
// Of several, read by all threads.
std::vector<ReadImage> read_images_of(std::span<const std::string> files, const Shape& image,
                                      PictureFit fit);

}  // namespace limbeck
