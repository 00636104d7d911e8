#include "tests/core/twins.h"

#include <cstdlib>
#include <string>

namespace limbeck::testing {
namespace {

std::string from_environment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

std::uint64_t fuzz_seed() {
  const std::string seed = from_environment("LIMBECK_FUZZ_SEED");
  return seed.empty() ? 1 : std::stoull(seed);
}

int fuzz_cases(int usual) {
  const std::string cases = from_environment("LIMBECK_FUZZ_CASES");
  return cases.empty() ? usual : std::stoi(cases);
}

}  // namespace limbeck::testing
