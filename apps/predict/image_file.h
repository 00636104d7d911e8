// Pictures from files, read into grey.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "data/formats/picture.h"

namespace limbeck {

// Rows from the top, each from the left. 0 is black, 255 white.
struct GreyImage {
  Index width = 0, height = 0;
  std::vector<std::uint8_t> pixels{};  // height · width
};

// A picture in grey: colours by Rec. 601.
GreyImage grey_image(const detail::Picture& picture);

// Reads PNG, JPEG, PGM and PPM (data/formats/picture.h), colours as grey by Rec. 601.
// Error, with the path: a file that is missing, none of these, broken or cut off, with more bytes
// than its pixels need (PGM, PPM), or of more than most_pixels.
GreyImage read_image(const std::string& path);
// The same of a file's bytes, by a name for its errors.
GreyImage decode_image(std::string_view bytes, const std::string& name);

}  // namespace limbeck
