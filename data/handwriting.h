// Characters written by a program: strokes from a copybook, bent, slanted and drawn with a pen.
//
// Each image starts from the strokes of one way to write its character, moves their control points,
// bends the whole by a smooth random field, slants, rotates and scales it, and draws it with a pen
// of random width, anti-aliased, with a little noise. synthetic_digits and synthetic_letters are
// two copybooks.
#pragma once

#include <vector>

#include "data/dataset.h"

namespace limbeck::detail {

// A place in the copybook: x to the right from 0 to 1, y down from 0 to 1.
struct Point {
  double x, y;
};
using Stroke = std::vector<Point>;  // control points of a smooth curve through all of them
using Glyph = std::vector<Stroke>;  // one way of writing a character; corners are ends of strokes
using Copybook = std::vector<std::vector<Glyph>>;  // the ways of each class

// How many images, and which: the fields of SyntheticDigitsOptions.
struct Writing {
  Index train = 0, test = 0;
  std::uint64_t seed = 1;
  double difficulty = 1;
};

// 28 × 28, grey, all classes in equal parts and random order; the same for any number of threads.
// Error, in the name of `op`: fewer than one image in either set, or more than 10⁹; a
// difficulty outside of 0 to 10.
TrainTest write_by_hand(const char* op, const Copybook& book, const Writing& writing);

}  // namespace limbeck::detail
