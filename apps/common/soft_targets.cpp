#include "apps/common/soft_targets.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "core/error.h"
#include "core/ops/reduce.h"
#include "core/ops/softmax.h"

namespace limbeck {
namespace {

constexpr std::uint8_t ink = 96;  // a pixel of a digit at least this strong is drawn

// Two rows of pixels as a line of half blocks.
std::string draw_rows(std::span<const std::uint8_t> pixels, Index width, Index height, Index y,
                      std::uint8_t least) {
  std::string line;
  for (Index x = 0; x < width; ++x) {
    const auto inked = [&](Index row) {
      return row < height && pixels[static_cast<std::size_t>(row * width + x)] >= least;
    };
    line += inked(y) ? (inked(y + 1) ? "█" : "▀") : (inked(y + 1) ? "▄" : " ");
  }
  return line;
}

// A bar of length p ∈ [0, 1] in `width` characters, to an eighth of a character.
std::string bar(double p, Index width) {
  static constexpr std::array<const char*, 8> eighths = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const auto length = static_cast<Index>(p * static_cast<double>(8 * width) + 0.5);
  std::string text;
  for (Index i = 0; i < length / 8; ++i) text += "█";
  return text + eighths[static_cast<std::size_t>(length % 8)];
}

// (H, W) of (C, H, W).
std::vector<std::uint8_t> mean_of_channels(std::span<const std::uint8_t> pixels,
                                           const Shape& image) {
  const auto channels = static_cast<std::size_t>(image.dim(0));
  std::vector<std::uint8_t> mean(pixels.size() / channels);
  for (std::size_t i = 0; i < mean.size(); ++i) {
    std::size_t sum = 0;
    for (std::size_t c = 0; c < channels; ++c) sum += pixels[c * mean.size() + i];
    mean[i] = static_cast<std::uint8_t>(sum / channels);
  }
  return mean;
}

// The mean: of a picture of things, what is lighter is drawn.
std::uint8_t middle_of(std::span<const std::uint8_t> light) {
  const std::size_t sum = std::accumulate(light.begin(), light.end(), std::size_t{0});
  return static_cast<std::uint8_t>((sum + light.size() - 1) / light.size());
}

// All classes in order or, of many, the likeliest, these first.
std::vector<Index> shown_classes(std::span<const real> logits) {
  constexpr std::size_t most = 20, of_many = 10;
  std::vector<Index> classes(logits.size());
  std::iota(classes.begin(), classes.end(), Index{0});
  if (classes.size() <= most) return classes;
  std::ranges::stable_sort(classes, std::ranges::greater(),
                           [&](Index c) { return logits[static_cast<std::size_t>(c)]; });
  classes.resize(of_many);
  return classes;
}

}  // namespace

std::string probability_picture(std::span<const std::uint8_t> pixels, const Shape& image,
                                std::span<const real> logits, std::span<const double> temperatures,
                                const ClassNames& names) {
  if (image.rank() != 3 || image.size() == 0) {
    fail("probability_picture", "an image of (C, H, W) is needed; got {}", image);
  }
  const std::vector<std::uint8_t> light = mean_of_channels(pixels, image);
  const std::uint8_t least = image.dim(0) == 1 ? ink : middle_of(light);
  const Index height = image.dim(1), width = image.dim(2);
  const Index classes = static_cast<Index>(logits.size());
  const Tensor z = Tensor::from({classes}, logits);
  const std::vector<Index> shown = shown_classes(logits);
  std::size_t name_width = 5;
  for (const Index c : shown) name_width = std::max(name_width, class_text(c, names).size());
  std::string heads = fmt::format("{:>{}}", "class", name_width);
  std::vector<std::string> rows;
  for (const Index c : shown) {
    rows.push_back(fmt::format("{:>{}}", class_text(c, names), name_width));
  }
  for (const double t : temperatures) {
    constexpr Index bar_width = 16;
    const Tensor probs = softmax(z, t);
    heads += fmt::format("  {:<{}}", fmt::format("T = {:g}", t), bar_width + 7);
    for (std::size_t row = 0; row < rows.size(); ++row) {
      const auto p = static_cast<double>(probs.values()[static_cast<std::size_t>(shown[row])]);
      rows[row] += fmt::format("  {:.4f} {:<{}}", p, bar(p, bar_width), bar_width);
    }
  }
  rows.insert(rows.begin(), heads);

  std::string picture;
  const Index beside = static_cast<Index>(rows.size());
  const Index first = std::max<Index>(0, (height / 2 - beside) / 2);  // the line of the heads
  for (Index line = 0; line < std::max((height + 1) / 2, first + beside); ++line) {
    const std::string drawn =
        2 * line < height ? draw_rows(light, width, height, 2 * line, least) : "";
    const bool told = line >= first && line < first + beside;
    std::string row = fmt::format("  {:<{}}   {}", drawn, width,
                                  told ? rows[static_cast<std::size_t>(line - first)] : "");
    row.erase(row.find_last_not_of(' ') + 1);
    picture += row + "\n";
  }
  while (picture.ends_with("\n\n")) picture.pop_back();
  return picture;
}

std::string soft_target_picture(std::span<const std::uint8_t> pixels, const Shape& image,
                                std::span<const real> logits, double temperature,
                                const ClassNames& names) {
  const std::array<double, 2> temperatures = {1, temperature};
  return probability_picture(pixels, image, logits, temperatures, names);
}

std::vector<Index> telling_images(const Tensor& teacher_logits, const Dataset& data) {
  const Tensor probs = softmax(teacher_logits);
  const std::vector<std::int32_t> decisions = argmax_last(teacher_logits);
  const Index classes = teacher_logits.dim(1);
  std::vector<std::pair<real, Index>> right;  // (how sure, which image)
  for (Index i = 0; i < data.size(); ++i) {
    const std::int32_t decision = decisions[static_cast<std::size_t>(i)];
    if (decision != data.class_ids[static_cast<std::size_t>(i)]) continue;
    right.emplace_back(probs.data()[i * classes + decision], i);
  }
  std::ranges::sort(right);
  std::vector<Index> images;
  for (const double share : {0.5, 0.05, 0.01}) {
    if (right.empty()) break;
    const auto place = static_cast<std::size_t>(share * static_cast<double>(right.size() - 1));
    const Index image = right[place].second;
    if (std::ranges::find(images, image) == images.end()) images.push_back(image);
  }
  return images;
}

}  // namespace limbeck
