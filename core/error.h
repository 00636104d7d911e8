// Errors: one exception type, and a way to raise it that forces a useful text.
//
// A message names the operation, the rule that was broken and what was given, so that the person
// who sees it knows what to mend without a debugger:
//   linear: the input has 10 features and the layer takes 784; input (32, 10), weight (1200, 784)
// Within a network it begins with the layer (core/layer_scope.h): "student.2 (Linear): linear: …".
#pragma once

#include <fmt/format.h>

#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

namespace limbeck {

namespace detail {
// "student.2 (Linear): " within that layer, "" outside of any.
std::string layer_prefix();
}  // namespace detail

// What every function of the library throws. what() is a complete sentence for a person.
class Error : public std::runtime_error {
 public:
  Error(const char* op, const std::string& rule)
      : std::runtime_error(fmt::format("{}{}: {}", detail::layer_prefix(), op, rule)),
        rule_size_(rule.size()) {}

  // The text without the op, for callers that put a name of their own before it.
  std::string rule() const { return what() + std::strlen(what()) - rule_size_; }

 private:
  std::size_t rule_size_;
};

// Throws Error{"op: message"}; the message is a fmt format string with its arguments.
template <class... Args>
[[noreturn]] void fail(const char* op, fmt::format_string<Args...> message, Args&&... args) {
  throw Error(op, fmt::format(message, std::forward<Args>(args)...));
}

}  // namespace limbeck
