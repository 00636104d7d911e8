// What is said of a method where an objective is a text. For the table of methods alone.
#pragma once

#include <functional>
#include <initializer_list>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "nn/distill/methods/method_table.h"

namespace limbeck::detail {

// A part of a text, for errors that say where they are.
struct TextPlace {
  std::string text;
  std::size_t at = 0;  // from 0
};

// Error: `rule`, with the text and the place.
[[noreturn]] void fail_at(const TextPlace& place, const std::string& rule);

// The options of a method as the text has them, or as they usually are.
class Arguments {
 public:
  // A value, and where it stands; of the table's, where the method does.
  struct Value {
    std::string text;
    TextPlace place;
  };

  std::map<std::string, Value> values{};
  TapPaths taps{};
  Module* student = nullptr;

  // Error: not of that form.
  double number(const std::string& option) const;
  Index whole(const std::string& option) const;
  bool yes(const std::string& option) const;             // "yes" or "no"
  Varying temperature(const std::string& option) const;  // "4", or "8..1"
  // One of these words, as what stands beside it.
  template <class Value>
  Value one_of(const std::string& option,
               std::initializer_list<std::pair<const char*, Value>> words) const {
    const auto& [text, place] = values.at(option);
    std::string names;
    for (const auto& [word, value] : words) {
      if (text == word) return value;
      names += (names.empty() ? "" : ", ") + std::string(word);
    }
    fail_at(place, option + " is one of " + names + "; got \"" + text + "\"");
  }
};

// A line of the table: a method, and how it is made.
struct NamedMethod {
  MethodInfo info;
  std::function<Objective(const Arguments&)> make;
};

const std::vector<NamedMethod>& named_methods();
// The one of this name, without "std:", or null.
const NamedMethod* find_method(const std::string& name);
// "labels, kd, …": for errors.
std::string list_of_methods();

}  // namespace limbeck::detail
