// Pictures from files, as people have them: PNG, JPEG, PGM and PPM.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/shape.h"

namespace limbeck {

// More than any camera's picture; a file that claims more is refused before memory is asked for.
inline constexpr Index most_pixels = 100'000'000;

namespace detail {

// Rows from the top, each from the left. 0 is black, 255 full light.
struct Picture {
  Index width = 0, height = 0;
  Index channels = 1;                  // 1: grey; 3: red, green, blue
  std::vector<std::uint8_t> pixels{};  // (H, W, C)
  bool had_more_levels = false;        // its numbers had 16 bits, or a maximum above 255
};

// Reads
//   PNG (ISO/IEC 15948) of any colour type and bit depth, by libpng, which converts a file with a
//       gamma of its own to sRGB's; what is transparent lies on white, as on paper.
//   JPEG (ISO/IEC 10918-1), grey or in colours, by libjpeg-turbo.
//   PGM, PPM (netpbm's pgm(5), ppm(5)), P2, P3, P5 and P6, with a maximum of 1 to 65535; one
//       picture a file.
// Values of other ranges are scaled to 0 … 255 and rounded. A file without colours in its format
// (PNG's grey types, JPEG's one component, PGM) gives one channel, others three.
// Error, in the name of `op` and with that of the file: it is none of these, broken or cut off, has
// more bytes than its pixels need (PGM, PPM), fewer than they can be packed into (PNG), or more
// than most_pixels.
Picture decode_picture(const char* op, const std::string& name, std::string_view bytes);
Picture read_picture(const char* op, const std::string& path);

// Whether the name ends as those of such files do, .png say, in any case.
bool is_picture_name(const std::string& file);

// In one channel: 0.299 R + 0.587 G + 0.114 B (Rec. 601), rounded.
std::vector<std::uint8_t> grey_of(const Picture& picture);
// In three: a grey one has all three alike.
std::vector<std::uint8_t> colours_of(const Picture& picture);

// A file's bytes with its name, for the decoders of each format.
struct PictureFile {
  const char* op;
  const std::string& name;
  std::string_view bytes;

  template <class... Args>
  [[noreturn]] void refuse(fmt::format_string<Args...> message, Args&&... args) const {
    fail(op, "{}: {}", name, fmt::format(message, std::forward<Args>(args)...));
  }
  // Error: no pixels, or more than most_pixels.
  void check_size(Index width, Index height) const;
};
Picture read_png(const PictureFile& file);
Picture read_jpeg(const PictureFile& file);
bool is_netpbm(std::string_view bytes);
Picture read_netpbm(const PictureFile& file);

}  // namespace detail
}  // namespace limbeck
