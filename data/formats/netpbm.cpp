// PGM and PPM pictures, in numbers or in bytes.
#include <algorithm>
#include <charconv>

#include "data/formats/picture.h"

namespace limbeck::detail {
namespace {

constexpr std::string_view white_space = " \t\n\v\f\r";

bool is_space(char c) {
  return white_space.find(c) != std::string_view::npos;
}

// What is left of a file after its first two bytes: numbers, with white space and comments
// between.
class PnmText {
 public:
  explicit PnmText(const PictureFile& file) : file_(file), rest_(file.bytes.substr(2)) {}

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
  const PictureFile& file_;
  std::string_view rest_;
};

std::uint8_t scaled(Index value, Index maximum) {
  return static_cast<std::uint8_t>((255 * value + maximum / 2) / maximum);
}

// Numbers of one byte, or two with the larger part first, after a single white space.
void read_binary(const PictureFile& file, std::string_view rest, Index maximum, Index size,
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

}  // namespace

bool is_netpbm(std::string_view bytes) {
  return bytes.size() > 2 && bytes[0] == 'P' &&
         std::string_view("2356").find(bytes[1]) != std::string_view::npos &&
         (is_space(bytes[2]) || bytes[2] == '#');
}

Picture read_netpbm(const PictureFile& file) {
  PnmText text(file);
  Picture picture;
  const char kind = file.bytes[1];
  picture.channels = kind == '3' || kind == '6' ? 3 : 1;
  picture.width = text.number("width", 2'000'000'000);
  picture.height = text.number("height", 2'000'000'000);
  file.check_size(picture.width, picture.height);
  const Index maximum = text.number("maximum", 65535);
  if (maximum < 1) file.refuse("its maximum is 0");
  picture.had_more_levels = maximum > 255;
  const Index size = picture.width * picture.height * picture.channels;
  if (kind == '5' || kind == '6') {
    read_binary(file, text.rest(), maximum, size, picture.pixels);
    return picture;
  }
  for (Index i = 0; i < size; ++i) {
    picture.pixels.push_back(scaled(text.number("next pixel", maximum), maximum));
  }
  text.skip_space();
  if (!text.rest().empty()) file.refuse("something follows its pixels");
  return picture;
}

}  // namespace limbeck::detail
