// How fast the processor multiplies and adds: what products are measured by.
#pragma once

#include "core/shape.h"

namespace limbeck {

// What is timed: twelve chains that do not wait for one another, and each from a number of its own,
// or a compiler would make one of them all. Chain j begins at x = j and goes so many steps
//   x ← x · factor + summand
// in all lanes of the widest register; the result is the sum of the chains' last x.
real chains_of_multiply_adds(Index steps, real factor, real summand);

// Multiply-adds of reals a second, in billions, on all threads, of numbers that never leave the
// registers: what no product can exceed. The best of a few milliseconds.
double multiply_add_peak();

}  // namespace limbeck
