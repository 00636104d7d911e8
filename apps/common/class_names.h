// Classes as people read them: by their numbers, or by names where there are some.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "core/shape.h"

namespace limbeck {

// One name a class; none: numbers.
using ClassNames = std::vector<std::string>;

// Under which a network's file has them in its metadata, as a list in JSON.
inline constexpr const char* class_names_key = "class_names";

// "9", or the class's name.
inline std::string class_text(Index id, const ClassNames& names) {
  const auto at = static_cast<std::size_t>(id);
  return at < names.size() ? names[at] : fmt::format("{}", id);
}

// Within a sentence: "a 9", "an 8", or "class 9 (shirt)".
inline std::string class_in_words(Index id, const ClassNames& names) {
  if (!names.empty()) return fmt::format("class {} ({})", id, class_text(id, names));
  const bool vowel = id == 8 || id == 11 || id == 18 || (id >= 80 && id < 90);
  return fmt::format("{} {}", vowel ? "an" : "a", id);
}

}  // namespace limbeck
