#include "data/formats/picture.h"

#include <png.h>

#include <algorithm>
#include <array>
#include <memory>

#include "core/files/file.h"
#include "data/formats/names.h"

namespace limbeck::detail {
namespace {

// The least bytes that so many pixels of a PNG of this depth and colour type can be packed into:
// deflate packs 1,032 bytes into one at best.
std::size_t least_size(const PictureFile& file, Index width, Index height) {
  constexpr std::size_t depth_at = 24, colours_at = 25;  // in the header's chunk, the first one
  const auto depth = static_cast<std::uint8_t>(file.bytes[depth_at]);
  const int type = file.bytes[colours_at];
  const Index numbers = type == 2 ? 3 : type == 4 ? 2 : type == 6 ? 4 : 1;
  return static_cast<std::size_t>(height * (width * numbers * depth / 8 + 1) / 1032);
}

// Colours with an opacity, lying on white.
void put_on_white(const std::vector<std::uint8_t>& rgba, std::vector<std::uint8_t>& rgb) {
  for (std::size_t i = 0; i < rgb.size(); ++i) {
    const int colour = rgba[i / 3 * 4 + i % 3], alpha = rgba[i / 3 * 4 + 3];
    rgb[i] = static_cast<std::uint8_t>((alpha * colour + (255 - alpha) * 255 + 127) / 255);
  }
}

}  // namespace

void PictureFile::check_size(Index width, Index height) const {
  if (width < 1 || height < 1) refuse("it has no pixels: it is {} x {}", width, height);
  if (width > most_pixels || height > most_pixels / width) {
    refuse("it has {} x {} pixels; at most {} are read: make it smaller", width, height,
           most_pixels);
  }
}

// libpng's simplified interface does its long jumps within its own code, past none of ours.
Picture read_png(const PictureFile& file) {
  png_image png{};
  const std::unique_ptr<png_image, decltype(&png_image_free)> freed(&png, png_image_free);
  png.version = PNG_IMAGE_VERSION;
  if (png_image_begin_read_from_memory(&png, file.bytes.data(), file.bytes.size()) == 0) {
    file.refuse("not a PNG picture that can be read: {}", png.message);
  }
  Picture picture{.width = png.width, .height = png.height};
  file.check_size(picture.width, picture.height);
  // libpng stops after the last row; a file that is cut off behind it lacks its last check sums.
  if (file.bytes.find("IEND\xAE\x42\x60\x82") == std::string::npos ||
      file.bytes.size() < least_size(file, picture.width, picture.height)) {
    file.refuse("not a PNG picture that can be read: it breaks off before its end");
  }
  picture.had_more_levels = (png.format & PNG_FORMAT_FLAG_LINEAR) != 0;
  const bool alpha = (png.format & PNG_FORMAT_FLAG_ALPHA) != 0;
  const bool grey = (png.format & (PNG_FORMAT_FLAG_COLOR | PNG_FORMAT_FLAG_COLORMAP)) == 0;
  picture.channels = grey ? 1 : 3;
  png.format = alpha ? PNG_FORMAT_RGBA : grey ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  // Without it, libpng takes 16 bits for amounts of light instead of sRGB's levels.
  png.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
  std::vector<std::uint8_t> decoded(PNG_IMAGE_SIZE(png));
  if (png_image_finish_read(&png, nullptr, decoded.data(), 0, nullptr) == 0) {
    file.refuse("not a PNG picture that can be read: {}", png.message);
  }
  if (!alpha) {
    picture.pixels = std::move(decoded);
    return picture;
  }
  Picture coloured{.width = picture.width, .height = picture.height, .channels = 3};
  coloured.pixels.resize(decoded.size() / 4 * 3);
  put_on_white(decoded, coloured.pixels);
  picture.pixels = grey ? grey_of(coloured) : std::move(coloured.pixels);
  return picture;
}

bool is_picture_name(const std::string& file) {
  static constexpr std::array<std::string_view, 7> endings = {".png", ".jpg", ".jpeg", ".pgm",
                                                              ".ppm", ".pnm", ".jpe"};
  const std::string lower = lower_case(file);
  return std::ranges::any_of(endings, [&](auto ending) { return lower.ends_with(ending); });
}

Picture decode_picture(const char* op, const std::string& name, std::string_view bytes) {
  const PictureFile file{.op = op, .name = name, .bytes = bytes};
  if (bytes.starts_with("\x89PNG")) return read_png(file);
  if (bytes.starts_with("\xFF\xD8")) return read_jpeg(file);
  if (is_netpbm(bytes)) return read_netpbm(file);
  file.refuse("neither a PNG, JPEG, PGM nor PPM picture: convert it to one of them");
}

Picture read_picture(const char* op, const std::string& path) {
  FileReader file(op, path);
  // So many pixels of four numbers of 16 bits, and something for the rest.
  constexpr std::uintmax_t most_bytes = 8 * most_pixels + 100'000'000;
  if (file.left() > most_bytes) file.refuse("it is too large for a picture");
  return decode_picture(op, path, file.read_text(file.left()));
}

std::vector<std::uint8_t> grey_of(const Picture& picture) {
  if (picture.channels == 1) return picture.pixels;
  std::vector<std::uint8_t> grey(picture.pixels.size() / 3);
  for (std::size_t i = 0; i < grey.size(); ++i) {
    const std::uint8_t* const rgb = &picture.pixels[3 * i];
    grey[i] = static_cast<std::uint8_t>((299 * rgb[0] + 587 * rgb[1] + 114 * rgb[2] + 500) / 1000);
  }
  return grey;
}

std::vector<std::uint8_t> colours_of(const Picture& picture) {
  if (picture.channels == 3) return picture.pixels;
  std::vector<std::uint8_t> colours;
  colours.reserve(3 * picture.pixels.size());
  for (const std::uint8_t grey : picture.pixels) colours.insert(colours.end(), 3, grey);
  return colours;
}

}  // namespace limbeck::detail
