#include "data/formats/raw_sets.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "core/error.h"
#include "core/parallel.h"
#include "data/formats/packed_file.h"

namespace limbeck::detail {
namespace {

// The side of a square of so many pixels, or 0.
Index side_of(Index pixels) {
  const Index side = std::llround(std::sqrt(static_cast<double>(pixels)));
  return side * side == pixels ? side : 0;
}

Layout layout_of_rows(Index columns, const ImageOptions& options, const std::string& file) {
  const Index asked = options.height * options.width;
  if (asked > 0 && columns == asked) return {{1, options.height, options.width}, false};
  if (asked > 0 && columns == 3 * asked) return {{3, options.height, options.width}, true};
  if (const Index side = side_of(columns); side > 0) return {{1, side, side}, false};
  if (columns % 3 == 0 && side_of(columns / 3) > 0) {
    return {{3, side_of(columns / 3), side_of(columns / 3)}, true};
  }
  fail(load_op,
       "{}: its images have {} pixels each, which are no square, of one channel or of three: give "
       "their size, HxW",
       file, columns);
}

}  // namespace

Listing::Listing(const std::string& folder) : path(folder) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  const auto what = std::filesystem::directory_options::skip_permission_denied;
  for (const auto& entry : std::filesystem::directory_iterator(path, what)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with('.')) continue;
    std::error_code broken;  // a link to nothing, or to itself, is neither
    if (entry.is_directory(broken)) {
      folders.push_back(name);
    } else if (entry.exists(broken)) {
      files.push_back(name);
    }
  }
  std::ranges::sort(files);
  std::ranges::sort(folders);
}

std::vector<std::string> lines_in(const std::string& path) {
  const std::string text = PackedFile(load_op, path).read_rest(1 << 20);
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string line = text.substr(at, end - at);
    line.erase(line.find_last_not_of(" \t\r") + 1);
    if (!line.empty()) lines.push_back(std::move(line));
    at = end + 1;
  }
  return lines;
}

Layout layout_of(std::span<const Index> dims, const ImageOptions& options,
                 const std::string& file) {
  constexpr Index most_channels = 4;
  if (dims.size() == 2) return layout_of_rows(dims[1], options, file);
  if (dims.size() == 3) return {{1, dims[1], dims[2]}, false};
  if (dims.size() == 4 && dims[3] <= most_channels) return {{dims[3], dims[1], dims[2]}, true};
  if (dims.size() == 4 && dims[1] <= most_channels) return {{dims[1], dims[2], dims[3]}, false};
  std::string sizes;
  for (const Index dim : dims) sizes += fmt::format("{}{}", sizes.empty() ? "" : ", ", dim);
  fail(
      load_op,
      "{}: its images are {}; they should be (N, H, W), (N, H, W, C), (N, C, H, W) or (N, D), with "
      "C from 1 to {}",
      file, fmt::format("({})", sizes), most_channels);
}

void put_channels_first(std::vector<std::uint8_t>& pixels, const Shape& image) {
  const auto channels = static_cast<std::size_t>(image.dim(0));
  const auto size = static_cast<std::size_t>(image.size());
  if (channels == 1 || size == 0) return;
  const Index count = static_cast<Index>(pixels.size() / size);
  parallel_for(count, elementwise_grain / image.size() + 1, [&](Index begin, Index end) {
    std::vector<std::uint8_t> before(size);
    for (Index i = begin; i < end; ++i) {
      std::uint8_t* const to = pixels.data() + i * image.size();
      std::copy_n(to, size, before.begin());
      for (std::size_t at = 0; at < size; ++at) {
        to[at % channels * (size / channels) + at / channels] = before[at];
      }
    }
  });
}

void RealsAsBytes::check(float least, float most, const std::string& file) {
  const bool first = factor_ == 0;
  if (first) factor_ = most <= 1 ? 255 : 1;
  const float limit = 255 / factor_;
  if (least < 0 || most > limit) {
    fail(load_op, "{}: its pixels go from {} to {}; they should be from 0 to 1 or from 0 to 255{}",
         file, least, most, !first && limit == 1 ? ", and those before are from 0 to 1" : "");
  }
}

std::vector<std::uint8_t> RealsAsBytes::operator()(std::vector<std::uint8_t> bytes,
                                                   const std::string& file,
                                                   std::vector<std::string>& notes) {
  const auto [least, most] = std::ranges::minmax_element(bytes);
  if (most == bytes.end() || *most == 0) return bytes;
  check(*least, *most, file);
  if (factor_ == 1) return bytes;
  for (std::uint8_t& byte : bytes) byte = byte == 0 ? 0 : 255;
  notes.push_back(fmt::format("{}: pixels are 0 and 1, which become 0 and 255", file));
  return bytes;
}

std::vector<std::uint8_t> RealsAsBytes::operator()(std::span<const float> values,
                                                   const std::string& file,
                                                   std::vector<std::string>& notes) {
  float least = 0, most = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) fail(load_op, "{}: value {} is {}", file, i, values[i]);
    least = std::min(least, values[i]);
    most = std::max(most, values[i]);
  }
  check(least, most, file);
  bool rounded = false;
  std::vector<std::uint8_t> bytes(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float byte = std::nearbyint(values[i] * factor_);
    rounded = rounded || std::abs(values[i] * factor_ - byte) > 0.01F;
    bytes[i] = static_cast<std::uint8_t>(byte);
  }
  notes.push_back(fmt::format("{}: pixels from 0 to {}, the largest {}{}", file, 255 / factor_,
                              most, rounded ? ", are rounded to 256 levels" : ""));
  return bytes;
}

}  // namespace limbeck::detail
