#include "data/formats/resize.h"

#include <algorithm>
#include <cmath>

#include "core/parallel.h"

namespace limbeck::detail {
namespace {

// Of one plane, h × w, as bytes.
void resize_plane(const std::uint8_t* from, Index width, const std::vector<Share>& rows,
                  const std::vector<Share>& columns, std::uint8_t* to) {
  std::vector<double> line(static_cast<std::size_t>(width));
  for (const Share& row : rows) {
    std::ranges::fill(line, 0.0);
    for (std::size_t i = 0; i < row.weights.size(); ++i) {
      const std::uint8_t* const source = from + (row.first + static_cast<Index>(i)) * width;
      for (std::size_t x = 0; x < line.size(); ++x) line[x] += row.weights[i] * source[x];
    }
    for (const Share& column : columns) {
      double sum = 0;
      for (std::size_t i = 0; i < column.weights.size(); ++i) {
        sum += column.weights[i] * line[static_cast<std::size_t>(column.first) + i];
      }
      *to++ = static_cast<std::uint8_t>(std::lround(std::clamp(sum, 0.0, 255.0)));
    }
  }
}

}  // namespace

std::vector<Share> shares_of(Index before, Index after) {
  std::vector<Share> shares;
  const double ratio = static_cast<double>(before) / static_cast<double>(after);
  for (Index i = 0; i < after; ++i) {
    // Shrinking: the pixels under [from, to), each by the part that is. Growing: the two whose
    // middles are on both sides of this one's, which [from, to), a pixel wide, overlaps alike.
    const double middle = (static_cast<double>(i) + 0.5) * ratio;
    const double half = std::max(ratio, 1.0) / 2;
    const double from = std::max(middle - half, 0.0);
    const double to = std::min(middle + half, static_cast<double>(before));
    Share share{.first = static_cast<Index>(from), .weights = {}};
    for (Index j = share.first; j < before && static_cast<double>(j) < to; ++j) {
      const double overlap =
          std::min(static_cast<double>(j + 1), to) - std::max(static_cast<double>(j), from);
      share.weights.push_back(overlap / (to - from));
    }
    shares.push_back(std::move(share));
  }
  return shares;
}

std::vector<std::uint8_t> resized(std::span<const std::uint8_t> pixels, const Shape& from,
                                  const Shape& to) {
  const std::vector<Share> rows = shares_of(from.dim(1), to.dim(1));
  const std::vector<Share> columns = shares_of(from.dim(2), to.dim(2));
  const Index before = from.dim(1) * from.dim(2), after = to.dim(1) * to.dim(2);
  const Index planes = static_cast<Index>(pixels.size()) / before;
  std::vector<std::uint8_t> result(static_cast<std::size_t>(planes * after));
  parallel_for(planes, elementwise_grain / before + 1, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      resize_plane(pixels.data() + i * before, from.dim(2), rows, columns,
                   result.data() + i * after);
    }
  });
  return result;
}

}  // namespace limbeck::detail
