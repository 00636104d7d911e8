#include "apps/predict/prepare.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "data/formats/resize.h"

namespace limbeck {
namespace {

constexpr const char* op = "prepare_image";
constexpr int least_contrast = 32;

// A matrix, row by row.
struct Plane {
  Index height, width;
  std::vector<double> values;

  double& at(Index y, Index x) { return values[static_cast<std::size_t>(y * width + x)]; }
};

std::uint8_t ground_of(const GreyImage& image) {
  std::vector<std::uint8_t> border;
  for (Index y = 0; y < image.height; ++y) {
    const bool outermost = y == 0 || y == image.height - 1;
    const Index step = outermost ? 1 : std::max<Index>(image.width - 1, 1);
    for (Index x = 0; x < image.width; x += step) {
      border.push_back(image.pixels[static_cast<std::size_t>(y * image.width + x)]);
    }
  }
  const auto middle = border.begin() + static_cast<std::ptrdiff_t>(border.size() / 2);
  std::ranges::nth_element(border, middle);
  return *middle;
}

bool is_light(std::uint8_t ground) {
  return ground > 127;
}

// How much ink each pixel has.
GreyImage ink_of(const GreyImage& image, std::uint8_t ground) {
  GreyImage ink = image;
  for (std::uint8_t& pixel : ink.pixels) {
    const int more = is_light(ground) ? ground - pixel : pixel - ground;
    pixel = static_cast<std::uint8_t>(std::max(more, 0));
  }
  return ink;
}

struct Box {
  Index top, left, height, width;
};

// Around all pixels that have this much; there is one.
Box box_of(const GreyImage& ink, int least) {
  Index top = ink.height, bottom = 0, left = ink.width, right = 0;
  for (Index y = 0; y < ink.height; ++y) {
    for (Index x = 0; x < ink.width; ++x) {
      if (ink.pixels[static_cast<std::size_t>(y * ink.width + x)] < least) continue;
      top = std::min(top, y);
      bottom = y + 1;
      left = std::min(left, x);
      right = std::max(right, x + 1);
    }
  }
  return {.top = top, .left = left, .height = bottom - top, .width = right - left};
}

// The box of the picture, less than `least` as 0, at this size: along the rows, then the columns.
Plane scaled(const GreyImage& ink, const Box& box, int least, Index height, Index width) {
  const std::vector<detail::Share> columns = detail::shares_of(box.width, width);
  const std::vector<detail::Share> rows = detail::shares_of(box.height, height);
  Plane result{.height = height, .width = width, .values = {}};
  result.values.resize(static_cast<std::size_t>(height * width));
  for (Index y = 0; y < height; ++y) {
    const detail::Share& row = rows[static_cast<std::size_t>(y)];
    for (std::size_t i = 0; i < row.weights.size(); ++i) {
      const Index source = box.top + row.first + static_cast<Index>(i);
      const std::uint8_t* const line = ink.pixels.data() + source * ink.width + box.left;
      for (Index x = 0; x < width; ++x) {
        const detail::Share& column = columns[static_cast<std::size_t>(x)];
        const std::uint8_t* pixel = line + column.first;
        double sum = 0;
        for (const double weight : column.weights) {
          sum += *pixel >= least ? weight * *pixel : 0;
          ++pixel;
        }
        result.at(y, x) += row.weights[i] * sum;
      }
    }
  }
  return result;
}

// Where `size` pixels begin whose centre of mass is at `mass` if that is to come to the middle.
Index placed(double mass, Index size, Index of) {
  const Index first = std::lround(static_cast<double>(of / 2) - mass);
  return std::clamp<Index>(first, 0, of - size);
}

// The plane in the middle of a larger image, with its strongest pixel at 255.
std::vector<std::uint8_t> centred(Plane plane, Index height, Index width) {
  double mass = 0, down = 0, right = 0;
  for (Index y = 0; y < plane.height; ++y) {
    for (Index x = 0; x < plane.width; ++x) {
      mass += plane.at(y, x);
      down += plane.at(y, x) * static_cast<double>(y);
      right += plane.at(y, x) * static_cast<double>(x);
    }
  }
  const Index top = placed(down / mass, plane.height, height);
  const Index left = placed(right / mass, plane.width, width);
  const double strongest = std::ranges::max(plane.values);
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(height * width));
  for (Index y = 0; y < plane.height; ++y) {
    for (Index x = 0; x < plane.width; ++x) {
      pixels[static_cast<std::size_t>((top + y) * width + left + x)] =
          static_cast<std::uint8_t>(std::lround(255 * plane.at(y, x) / strongest));
    }
  }
  return pixels;
}

}  // namespace

std::vector<std::uint8_t> prepare_image(const GreyImage& image, const std::string& name,
                                        const Preparation& preparation) {
  const auto [height, width, as_is] = preparation;
  const bool fits = image.height == height && image.width == width;
  if (as_is && !fits) {
    fail(op, "{}: it is {} x {} and cannot be taken as it is: the network's images are {} x {}",
         name, image.width, image.height, width, height);
  }
  const std::uint8_t ground = ground_of(image);
  const GreyImage ink = ink_of(image, ground);
  const int strongest = std::ranges::max(ink.pixels);
  if (strongest < least_contrast) {
    fail(op,
         "{}: no ink: no pixel is {} than the ground, {} of 255, by {} or more (transparent parts "
         "count as white)",
         name, is_light(ground) ? "darker" : "lighter", ground, least_contrast);
  }
  if (as_is || (fits && !is_light(ground))) return image.pixels;
  const int least = (strongest + 7) / 8;
  const Box box = box_of(ink, least);
  const double scale = 20.0 / 28 *
                       std::min(static_cast<double>(height) / static_cast<double>(box.height),
                                static_cast<double>(width) / static_cast<double>(box.width));
  const auto size = [&](Index side, Index most) {
    return std::clamp<Index>(std::lround(scale * static_cast<double>(side)), 1, most);
  };
  return centred(scaled(ink, box, least, size(box.height, height), size(box.width, width)), height,
                 width);
}

}  // namespace limbeck
