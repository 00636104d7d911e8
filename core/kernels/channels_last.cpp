#include "core/kernels/channels_last.h"

#include <algorithm>

#include "core/kernels/vector.h"

namespace limbeck {
namespace {

// Calls square(channels, i, j) for every eight channels from `channels` on and eight pixels of row
// i from j on, and single(channels, i, j) for the pixels left over at a row's end.
template <class Square, class Single>
void for_squares(const PixelLayout& at, const Square& square, const Single& single) {
  const Index whole = at.width / lanes * lanes;
  for (Index channels = 0; channels < at.channels; channels += lanes) {
    for (Index i = 0; i < at.height; ++i) {
      for (Index j = 0; j < whole; j += lanes) square(channels, i, j);
      for (Index j = whole; j < at.width; ++j) single(channels, i, j);
    }
  }
}

}  // namespace

// Squares of eight channels by eight pixels are turned in registers.
void channels_last(real* out, const real* in, const PixelLayout& at) {
  const Index plane = at.height * at.width;
  const auto count = [&](Index channels) { return std::min(lanes, at.channels - channels); };
  for_squares(
      at,
      [&](Index channels, Index i, Index j) {
        const real* const from = in + channels * plane + i * at.width + j;
        real* const to = out + i * at.row + j * at.pixel + channels;
        Vector square[lanes] = {};
        for (Index c = 0; c < count(channels); ++c) square[c] = load(from + c * plane);
        transpose(square);
        for (Index k = 0; k < lanes; ++k) store(to + k * at.pixel, square[k]);
      },
      [&](Index channels, Index i, Index j) {
        const real* const from = in + channels * plane + i * at.width + j;
        real* const to = out + i * at.row + j * at.pixel + channels;
        for (Index c = 0; c < count(channels); ++c) to[c] = from[c * plane];
      });
}

void channels_first(real* out, const real* in, const PixelLayout& at) {
  const Index plane = at.height * at.width;
  const auto count = [&](Index channels) { return std::min(lanes, at.channels - channels); };
  for_squares(
      at,
      [&](Index channels, Index i, Index j) {
        real* const to = out + channels * plane + i * at.width + j;
        const real* const from = in + i * at.row + j * at.pixel + channels;
        Vector square[lanes];
        for (Index k = 0; k < lanes; ++k) square[k] = load(from + k * at.pixel);
        transpose(square);
        for (Index c = 0; c < count(channels); ++c) store(to + c * plane, square[c]);
      },
      [&](Index channels, Index i, Index j) {
        real* const to = out + channels * plane + i * at.width + j;
        const real* const from = in + i * at.row + j * at.pixel + channels;
        for (Index c = 0; c < count(channels); ++c) to[c * plane] = from[c];
      });
}

void channels_first(std::uint8_t* out, const real* in, const PixelLayout& at) {
  for (Index c = 0; c < at.channels; ++c) {
    for (Index i = 0; i < at.height; ++i) {
      const real* const from = in + i * at.row + c;
      for (Index j = 0; j < at.width; ++j) {
        *out++ = static_cast<std::uint8_t>(from[j * at.pixel]);
      }
    }
  }
}

}  // namespace limbeck
