// What is timed as the peak is really computed.
#include "core/kernels/multiply_add_peak.h"

#include "core/parallel.h"
#include "tests/testing.h"

using namespace limbeck;

TEST_CASE("the peak is timed on chains that differ, so that none stands for the others") {
  // By hand, from x = j: three steps x ← x / 2 + s lead to j / 8 + 7 s / 4, and 0 + … + 11 = 66.
  for (const real s : {real{0}, real{1}, real{-2}}) {
    CHECK(chains_of_multiply_adds(3, 0.5, s) == real{66} / 8 + 12 * 7 * s / 4);
  }
  CHECK(chains_of_multiply_adds(0, 0.5, 1) == 66);
}

TEST_CASE("the peak is a number of billions a second") {
  const int before = threads();
  set_threads(1);
  const double peak = multiply_add_peak();
  CHECK(peak > 0.001);  // an emulator's
  CHECK(peak < 10'000);
  set_threads(before);
}
