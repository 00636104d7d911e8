// Pictures from files, as people have them: PNG and PGM, read into grey.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/shape.h"

namespace limbeck {

// Rows from the top, each from the left. 0 is black, 255 white.
struct GreyImage {
  Index width = 0, height = 0;
  std::vector<std::uint8_t> pixels{};  // height · width
};

// More than any camera's picture; a file that claims more is refused before memory is asked for.
inline constexpr Index most_pixels = 100'000'000;

// Reads
//   PNG (ISO/IEC 15948) of any colour type and bit depth, by libpng, which converts a file with a
//       gamma of its own to sRGB's. Colours become grey by 0.299 R + 0.587 G + 0.114 B (Rec. 601);
//       what is transparent lies on white, as on paper.
//   PGM (netpbm's pgm(5)), P2 and P5, with a maximum of 1 to 65535; one picture a file.
// Values of other ranges are scaled to 0 … 255 and rounded.
// Error, with the path: a file that is missing, neither of both, broken or cut off, with more bytes
// than its pixels need (PGM), or of more than most_pixels.
GreyImage read_image(const std::string& path);
// The same of a file's bytes, by a name for its errors.
GreyImage decode_image(std::string_view bytes, const std::string& name);

}  // namespace limbeck
