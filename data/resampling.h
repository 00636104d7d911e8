// Moving the pixels of an image: where each comes from, and what it finds there.
#pragma once

#include <span>
#include <vector>

#include "core/shape.h"

namespace limbeck {

// For each pixel of the new image, (H, W), the point of the old one that it takes its value from.
struct Sources {
  Index height, width;     // H, W
  std::vector<real> x, y;  // (H, W), in pixels, from the middle of the pixel at the upper left
};

// A map of the plane about the middle of the image: scales, then leans, then turns, then moves.
struct Affine {
  double rotation = 0;              // degrees, counter-clockwise
  double scale_x = 1, scale_y = 1;  // of width and height
  double shear = 0;            // what is k pixels further up moves k · shear pixels to the right
  double right = 0, down = 0;  // pixels
};

// The sources of an image of this size under that map: its inverse at every pixel.
Sources affine_sources(Index height, Index width, const Affine& map);

// Gives every pixel the old image's value at its source: bilinear between the four pixels around
// it, 0 outside. Image (C, H, W), the same sources for each channel. Error: other H or W.
void resample(std::span<real> image, const Sources& sources);

}  // namespace limbeck
