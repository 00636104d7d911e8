#include "apps/predict/image_file.h"

#include <utility>

namespace limbeck {
namespace {

constexpr const char* op = "read_image";

GreyImage grey(const detail::Picture& picture) {
  return {.width = picture.width, .height = picture.height, .pixels = detail::grey_of(picture)};
}

}  // namespace

GreyImage read_image(const std::string& path) {
  return grey(detail::read_picture(op, path));
}

GreyImage decode_image(std::string_view bytes, const std::string& name) {
  return grey(detail::decode_picture(op, name, bytes));
}

}  // namespace limbeck
