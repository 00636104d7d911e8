// Augmentation by the names that programs take.
#pragma once

#include <string>

#include "data/augment.h"

namespace limbeck {

// none; shift, by up to two pixels; distort, which also turns, stretches and bends; flip, left to
// right; crop, from a margin of an eighth of the sides; cutout, of a square of half a side; or
// several with + between, one after the other: "crop+flip". Error: a name that is not known; none
// beside others.
Augmentation augmentation_of(const std::string& names);

}  // namespace limbeck
