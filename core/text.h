// Numbers as people read them.
#pragma once

#include <fmt/format.h>

#include <string>

#include "core/shape.h"

namespace limbeck {

// 2395210 → "2,395,210"; n is not negative.
inline std::string thousands(Index n) {
  if (n < 1000) return fmt::format("{}", n);
  return fmt::format("{},{:03}", thousands(n / 1000), n % 1000);
}

}  // namespace limbeck
