#include "apps/predict/image_file.h"

#include <png.h>

#include <charconv>
#include <memory>
#include <utility>

#include "core/files/file.h"

namespace limbeck {
namespace {

constexpr const char* op = "read_image";

struct File {
  const std::string& name;
  std::string_view bytes;

  template <class... Args>
  [[noreturn]] void refuse(fmt::format_string<Args...> message, Args&&... args) const {
    fail(op, "{}: {}", name, fmt::format(message, std::forward<Args>(args)...));
  }
};

void check_size(const File& file, Index width, Index height) {
  if (width < 1 || height < 1) file.refuse("it has no pixels: it is {} x {}", width, height);
  if (width > most_pixels || height > most_pixels / width) {
    file.refuse("it has {} x {} pixels; at most {} are read: make it smaller", width, height,
                most_pixels);
  }
}

// Red, green, blue and alpha on white, as grey.
std::uint8_t grey_of(const std::uint8_t* rgba) {
  const int grey = (299 * rgba[0] + 587 * rgba[1] + 114 * rgba[2] + 500) / 1000;
  const int alpha = rgba[3];
  return static_cast<std::uint8_t>((alpha * grey + (255 - alpha) * 255 + 127) / 255);
}

// libpng's simplified interface does its long jumps within its own code, past none of ours.
GreyImage read_png(const File& file) {
  png_image png{};
  const std::unique_ptr<png_image, decltype(&png_image_free)> freed(&png, png_image_free);
  png.version = PNG_IMAGE_VERSION;
  if (png_image_begin_read_from_memory(&png, file.bytes.data(), file.bytes.size()) == 0) {
    file.refuse("not a PNG picture that can be read: {}", png.message);
  }
  GreyImage image{.width = png.width, .height = png.height};
  check_size(file, image.width, image.height);
  // libpng stops after the last row; a file that is cut off behind it lacks its last check sums.
  if (file.bytes.find("IEND\xAE\x42\x60\x82") == std::string::npos) {
    file.refuse("not a PNG picture that can be read: it breaks off before its end");
  }
  png.format = PNG_FORMAT_RGBA;
  // Without it, libpng takes 16 bits for amounts of light instead of sRGB's levels.
  png.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
  const auto rgba = std::make_unique_for_overwrite<std::uint8_t[]>(PNG_IMAGE_SIZE(png));
  if (png_image_finish_read(&png, nullptr, rgba.get(), 0, nullptr) == 0) {
    file.refuse("not a PNG picture that can be read: {}", png.message);
  }
  image.pixels.resize(static_cast<std::size_t>(image.width * image.height));
  for (std::size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = grey_of(&rgba[4 * i]);
  return image;
}

constexpr std::string_view white_space = " \t\n\v\f\r";

bool is_space(char c) {
  return white_space.find(c) != std::string_view::npos;
}

// What is left of a PGM file after its first two bytes: numbers, with white space and comments
// between.
class PgmText {
 public:
  explicit PgmText(const File& file) : file_(file), rest_(file.bytes.substr(2)) {}

  // The number that comes next, which is at most `largest`.
  Index number(const char* what, Index largest) {
    skip_space();
    if (rest_.empty()) file_.refuse("it breaks off before its {}", what);
    Index value = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (rest_.front() == '-' || error == std::errc::invalid_argument) {
      file_.refuse("a number belongs where its {} should be", what);
    }
    if (error != std::errc{} || value > largest) {
      file_.refuse("its {} is beyond {}", what, largest);
    }
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return value;
  }

  void skip_space() {
    while (!rest_.empty()) {
      const std::size_t space = std::min(rest_.find_first_not_of(white_space), rest_.size());
      rest_.remove_prefix(space);
      if (!rest_.starts_with('#')) return;
      rest_.remove_prefix(std::min(rest_.find_first_of("\r\n"), rest_.size()));
    }
  }

  std::string_view rest() const { return rest_; }

 private:
  const File& file_;
  std::string_view rest_;
};

std::uint8_t scaled(Index value, Index maximum) {
  return static_cast<std::uint8_t>((255 * value + maximum / 2) / maximum);
}

// Numbers of one byte, or two with the larger part first, after a single white space.
void read_binary(const File& file, std::string_view rest, Index maximum, Index size,
                 std::vector<std::uint8_t>& pixels) {
  if (rest.empty() || !is_space(rest.front())) {
    file.refuse("white space belongs before its pixels");
  }
  rest.remove_prefix(1);
  const std::size_t width = maximum > 255 ? 2 : 1;
  const auto wanted = static_cast<std::size_t>(size) * width;
  if (rest.size() < wanted) {
    file.refuse("its pixels need {} bytes and it has {}", wanted, rest.size());
  }
  if (rest.size() > wanted) {
    file.refuse("{} bytes follow its pixels; one picture is read", rest.size() - wanted);
  }
  for (std::size_t i = 0; i < rest.size(); i += width) {
    Index value = 0;
    for (const char byte : rest.substr(i, width)) {
      value = 256 * value + static_cast<unsigned char>(byte);
    }
    if (value > maximum) file.refuse("it has a pixel of {}, above its maximum, {}", value, maximum);
    pixels.push_back(scaled(value, maximum));
  }
}

GreyImage read_pgm(const File& file) {
  PgmText text(file);
  GreyImage image;
  image.width = text.number("width", 2'000'000'000);
  image.height = text.number("height", 2'000'000'000);
  check_size(file, image.width, image.height);
  const Index maximum = text.number("maximum", 65535);
  if (maximum < 1) file.refuse("its maximum is 0");
  const Index size = image.width * image.height;
  if (file.bytes[1] == '5') {
    read_binary(file, text.rest(), maximum, size, image.pixels);
    return image;
  }
  for (Index i = 0; i < size; ++i) {
    image.pixels.push_back(scaled(text.number("next pixel", maximum), maximum));
  }
  text.skip_space();
  if (!text.rest().empty()) file.refuse("something follows its pixels");
  return image;
}

bool is_pgm(std::string_view bytes) {
  return bytes.size() > 2 && bytes[0] == 'P' && (bytes[1] == '2' || bytes[1] == '5') &&
         (is_space(bytes[2]) || bytes[2] == '#');
}

}  // namespace

GreyImage read_image(const std::string& path) {
  FileReader file(op, path);
  // So many pixels of four numbers of 16 bits, and something for the rest.
  constexpr std::uintmax_t most_bytes = 8 * most_pixels + 100'000'000;
  if (file.left() > most_bytes) file.refuse("it is too large for a picture");
  return decode_image(file.read_text(file.left()), path);
}

GreyImage decode_image(std::string_view bytes, const std::string& name) {
  const File file{.name = name, .bytes = bytes};
  if (bytes.starts_with("\x89PNG")) return read_png(file);
  if (is_pgm(bytes)) return read_pgm(file);
  file.refuse("neither a PNG nor a PGM picture: convert it to one of them");
}

}  // namespace limbeck
