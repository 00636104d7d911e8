// JSON from files: what a parser takes and a program had better not.
#pragma once

#include <cmath>
#include <optional>
#include <string>
#include <string_view>

#include "core/shape.h"

namespace limbeck::detail {

// What is wrong with a text of JSON that a parser does not see, to be put behind the text's name:
// "is nested more than 128 deep" (much code that walks through JSON calls itself; 128 is the limit
// of serde_json, with which safetensors' own reader works), or "says the key "a" twice". Empty
// where nothing is, and for a text that is no JSON before it is too deep: the parser will say it.
std::string json_fault(std::string_view text);

// A number of JSON (nlohmann's, ordered or not) as a count: whole, written as 3 or as 3.0, from 0
// to 10^15, which a double holds exactly. None for anything else, which a library converts to some
// number in silence, or without any definite result.
template <class Json>
std::optional<Index> json_count(const Json& value) {
  constexpr double largest = 1e15;
  if (!value.is_number()) return std::nullopt;
  const double number = value.template get<double>();
  if (!(number >= 0 && number <= largest && number == std::floor(number))) return std::nullopt;
  return static_cast<Index>(number);
}

}  // namespace limbeck::detail
