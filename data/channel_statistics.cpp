#include "data/channel_statistics.h"

#include <array>
#include <cmath>

#include "core/error.h"

namespace limbeck {

ChannelStatistics channel_statistics(const Dataset& data) {
  constexpr const char* op = "channel_statistics";
  data.check(op);
  if (data.size() == 0 || data.image.rank() != 3 || data.image.size() == 0) {
    fail(op, "images (C, H, W) are needed; got {} of {}", data.size(), data.image);
  }
  const auto channels = static_cast<std::size_t>(data.image.dim(0));
  const auto plane = static_cast<std::size_t>(data.image.dim(1) * data.image.dim(2));
  std::vector<std::array<Index, 256>> counts(channels);
  for (std::size_t i = 0; i < data.pixels.size(); i += plane) {
    auto& count = counts[i / plane % channels];
    for (std::size_t p = i; p < i + plane; ++p) ++count[data.pixels[p]];
  }
  const double n = static_cast<double>(data.size()) * static_cast<double>(plane);
  ChannelStatistics result;
  for (const auto& count : counts) {
    double sum = 0, squares = 0;
    for (std::size_t v = 0; v < 256; ++v) {
      sum += static_cast<double>(count[v]) * static_cast<double>(v) / 255;
    }
    const double mean = sum / n;
    for (std::size_t v = 0; v < 256; ++v) {
      const double off = static_cast<double>(v) / 255 - mean;
      squares += static_cast<double>(count[v]) * off * off;
    }
    result.mean.push_back(mean);
    result.deviation.push_back(std::sqrt(squares / n));
  }
  return result;
}

}  // namespace limbeck
