// Words for the person at the terminal. A training is not lost because nobody can read them: where
// stderr cannot be written, they are dropped.
#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <string>

namespace limbeck {

template <class... Args>
void say(fmt::format_string<Args...> text, Args&&... args) {
  const std::string line = fmt::format(text, std::forward<Args>(args)...);
  static_cast<void>(std::fwrite(line.data(), 1, line.size(), stderr));
}

}  // namespace limbeck
