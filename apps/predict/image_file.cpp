#include "apps/predict/image_file.h"

#include <utility>

namespace limbeck {
namespace {

constexpr const char* op = "read_image";

}  // namespace

GreyImage grey_image(const detail::Picture& picture) {
  return {.width = picture.width, .height = picture.height, .pixels = detail::grey_of(picture)};
}

GreyImage read_image(const std::string& path) {
  return grey_image(detail::read_picture(op, path));
}

GreyImage decode_image(std::string_view bytes, const std::string& name) {
  return grey_image(detail::decode_picture(op, name, bytes));
}

}  // namespace limbeck
