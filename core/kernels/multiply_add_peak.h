// How fast the processor multiplies and adds: what products are measured by.
#pragma once

namespace limbeck {

// Multiply-adds of reals a second, in billions, on all threads, of numbers that never leave the
// registers: what no product can exceed. The best of a few milliseconds.
double multiply_add_peak();

}  // namespace limbeck
