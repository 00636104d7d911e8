// Augmentation by the names that programs take, and by how many threads.
#pragma once

#include <string>

#include "data/augment.h"

namespace limbeck {

// none; shift, by up to two pixels; distort, which also turns, stretches and bends; flip, left to
// right; crop, from a margin of an eighth of the sides; cutout, of a square of half a side; or
// several with + between, one after the other: "crop+flip". Error: a name that is not known; none
// beside others.
Augmentation augmentation_of(const std::string& names);

// Of TrainOptions in programs: half as many as train, beside those.
int loader_threads();

}  // namespace limbeck
