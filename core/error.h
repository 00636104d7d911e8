// Errors: one exception type, and a way to raise it that forces a useful text.
//
// A message names the operation, the rule that was broken and what was given, so that the person
// who sees it knows what to mend without a debugger:
//   linear: the input has 10 features and the layer takes 784; input (32, 10), weight (1200, 784)
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

namespace limbeck {

// What every function of the library throws. what() is a complete sentence for a person.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Throws Error{"op: message"}; the message is a fmt format string with its arguments.
template <class... Args>
[[noreturn]] void fail(const char* op, fmt::format_string<Args...> message, Args&&... args) {
  throw Error(fmt::format("{}: {}", op, fmt::format(message, std::forward<Args>(args)...)));
}

}  // namespace limbeck
