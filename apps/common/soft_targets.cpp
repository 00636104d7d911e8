#include "apps/common/soft_targets.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/error.h"
#include "core/ops/reduce.h"
#include "core/ops/softmax.h"

namespace limbeck {
namespace {

constexpr std::uint8_t ink = 96;  // a pixel at least this dark is drawn

// Two rows of pixels as a line of half blocks.
std::string draw_rows(std::span<const std::uint8_t> pixels, Index width, Index height, Index y) {
  std::string line;
  for (Index x = 0; x < width; ++x) {
    const auto inked = [&](Index row) {
      return row < height && pixels[static_cast<std::size_t>(row * width + x)] >= ink;
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

}  // namespace

std::string probability_picture(std::span<const std::uint8_t> pixels, const Shape& image,
                                std::span<const real> logits,
                                std::span<const double> temperatures) {
  if (image.rank() != 3 || image.dim(0) != 1) {
    fail("probability_picture", "an image of one channel, (1, H, W), is needed; got {}", image);
  }
  const Index height = image.dim(1), width = image.dim(2);
  const Index classes = static_cast<Index>(logits.size());
  const Tensor z = Tensor::from({classes}, logits);
  std::string heads = "class";
  std::vector<std::string> rows;
  for (Index c = 0; c < classes; ++c) rows.push_back(fmt::format("{:>5}", c));
  for (const double t : temperatures) {
    constexpr Index bar_width = 16;
    const Tensor probs = softmax(z, t);
    heads += fmt::format("  {:<{}}", fmt::format("T = {:g}", t), bar_width + 7);
    for (std::size_t c = 0; c < rows.size(); ++c) {
      const auto p = static_cast<double>(probs.values()[c]);
      rows[c] += fmt::format("  {:.4f} {:<{}}", p, bar(p, bar_width), bar_width);
    }
  }
  rows.insert(rows.begin(), heads);

  std::string picture;
  const Index beside = static_cast<Index>(rows.size());
  const Index first = std::max<Index>(0, (height / 2 - beside) / 2);  // the line of the heads
  for (Index line = 0; line < std::max((height + 1) / 2, first + beside); ++line) {
    const std::string drawn = 2 * line < height ? draw_rows(pixels, width, height, 2 * line) : "";
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
                                std::span<const real> logits, double temperature) {
  const std::array<double, 2> temperatures = {1, temperature};
  return probability_picture(pixels, image, logits, temperatures);
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
