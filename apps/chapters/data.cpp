// The pictures of data/README.md: synthetic digits by difficulty, and one digit augmented.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "apps/chapters/figures.h"
#include "apps/study/svg.h"
#include "data/augment.h"
#include "data/distortion.h"
#include "data/synthetic_digits.h"

namespace limbeck {
namespace {

constexpr double pixel = 2, side = 28 * pixel, step = side + 6, left = 136, top = 12;

// An image of 28 × 28 in three shades of ink, a path for each: its runs of pixels, row by row.
std::string draw_image(double x, double y, std::span<const real> image) {
  constexpr std::array<const char*, 3> opacity = {"0.3", "0.6", "1"};
  const auto shade = [](real ink) {
    return ink > real(0.7) ? 2 : ink > real(0.4) ? 1 : ink > real(0.1) ? 0 : -1;
  };
  std::array<std::string, 3> runs;
  for (std::size_t row = 0; row < 28; ++row) {
    for (std::size_t column = 0; column < 28;) {
      const int here = shade(image[28 * row + column]);
      const std::size_t begin = column;
      while (column < 28 && shade(image[28 * row + column]) == here) ++column;
      if (here < 0) continue;
      runs[static_cast<std::size_t>(here)] += fmt::format("M{} {}h{}", begin, row, column - begin);
    }
  }
  std::string out = fmt::format(
      "<g class=\"ink\" stroke=\"currentColor\" shape-rendering=\"crispEdges\" "
      "transform=\"translate({:g} {:g}) scale({:g})\">",
      x, y, pixel);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (runs[i].empty()) continue;
    out += fmt::format("<path stroke-opacity=\"{}\" d=\"{}\"/>", opacity[i], runs[i]);
  }
  return out + "</g>\n";
}

std::vector<real> image_of(const Dataset& data, Index i) {
  std::vector<real> image;
  for (const std::uint8_t byte : data.pixels_of(i)) image.push_back(static_cast<real>(byte) / 255);
  return image;
}

std::string row_name(Index row, const std::string& name) {
  return detail::text_at(16, top + step * static_cast<double>(row) + side / 2 + 4,
                         "class=\"muted\"", name);
}

std::string draw_at(Index row, Index column, std::span<const real> image) {
  return draw_image(left + step * static_cast<double>(column),
                    top + step * static_cast<double>(row), image);
}

// A row a difficulty, a column a class.
std::string digits() {
  std::string body;
  Index row = 0;
  for (const double difficulty : {0.0, 0.5, 1.0, 1.5}) {
    const Dataset data =
        synthetic_digits({.train = 10, .test = 1, .seed = 4, .difficulty = difficulty}).train;
    for (Index i = 0; i < data.size(); ++i) {
      body += draw_at(row, data.class_ids[static_cast<std::size_t>(i)], image_of(data, i));
    }
    body += row_name(row++, fmt::format("difficulty {:g}", difficulty));
  }
  return detail::document(left + 10 * step + 8, top + 4 * step + 4,
                          "Synthetic digits of four difficulties", body);
}

// One digit, and what augmentations make of it.
std::string augmented() {
  const Dataset data = synthetic_digits({.train = 10, .test = 1, .seed = 4}).train;
  const auto four = std::ranges::find(data.class_ids, 4) - data.class_ids.begin();
  const std::vector<real> original = image_of(data, four);
  const std::array<std::pair<const char*, Augmentation>, 3> rows = {
      {{"shift by up to 2", random_shift(2)},
       {"mnist_distortion", random_distortion(mnist_distortion)},
       {"elastic, alpha 36", random_distortion({.elastic_alpha = 36, .elastic_sigma = 5})}}};
  const Rng rng(1);
  std::string body;
  Index row = 0;
  for (const auto& [name, augment] : rows) {
    body += row_name(row, name);
    for (Index column = 0; column < 10; ++column) {
      std::vector<real> image = original;
      Rng image_rng = rng.child(static_cast<std::uint64_t>(column));
      if (column > 0) augment(image, data.image, image_rng);
      body += draw_at(row, column, image);
    }
    ++row;
  }
  return detail::document(left + 10 * step + 8, top + 3 * step + 4,
                          "A digit and nine augmentations of it, of three kinds", body);
}

}  // namespace

std::vector<Figure> data_figures() {
  return {{"data/digits.svg", digits()}, {"data/augmented.svg", augmented()}};
}

}  // namespace limbeck
