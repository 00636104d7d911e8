// Augmentation by the names that programs take.
#pragma once

#include <map>
#include <string>

#include "data/distortion.h"

namespace limbeck {

// none; shift, by up to two pixels; distort, which also turns, stretches and bends.
inline const std::map<std::string, Augmentation>& augmentations() {
  static const std::map<std::string, Augmentation> by_name = {
      {"none", {}}, {"shift", random_shift(2)}, {"distort", distorted_mnist()}};
  return by_name;
}

}  // namespace limbeck
