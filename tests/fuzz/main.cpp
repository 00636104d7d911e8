// One of the targets for libFuzzer: make fuzz TARGET=npy SECONDS=60.
#include <cstdlib>
#include <functional>

#define DOCTEST_CONFIG_IMPLEMENT  // what tests share may use it
#include "core/parallel.h"
#include "tests/fuzz/fuzz.h"
#include "tests/testing.h"

// NOLINTNEXTLINE(readability-identifier-naming): the names are libFuzzer's
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static const limbeck::fuzz::Target& target = [] {
    limbeck::set_threads(1);
    const char* const name = std::getenv("LIMBECK_FUZZ_TARGET");
    return std::cref(limbeck::fuzz::target_of(name == nullptr ? "" : name));
  }();
  target.run({reinterpret_cast<const char*>(bytes), size});
  return 0;
}
