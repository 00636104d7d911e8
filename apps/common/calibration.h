// Images for a network in integers to be calibrated on.
#pragma once

#include <algorithm>
#include <numeric>
#include <vector>

#include "data/dataset.h"

namespace limbeck {

// 1,000 of a set's images (N, C, H, W), or all of them.
inline Tensor calibration_images(const Dataset& images) {
  Rng rng(0);
  const Dataset some = images.sample(std::min<Index>(1000, images.size()), rng);
  std::vector<Index> all(static_cast<std::size_t>(some.size()));
  std::iota(all.begin(), all.end(), Index{0});
  return make_batch(some, all).images;
}

}  // namespace limbeck
