// JSON from files: what a parser takes and a program had better not.
#pragma once

#include <string>
#include <string_view>

namespace limbeck::detail {

// What is wrong with a text of JSON that a parser does not see, to be put behind the text's name:
// "is nested more than 128 deep" (much code that walks through JSON calls itself; 128 is the limit
// of serde_json, with which safetensors' own reader works), or "says the key "a" twice". Empty
// where nothing is, and for a text that is no JSON before it is too deep: the parser will say it.
std::string json_fault(std::string_view text);

}  // namespace limbeck::detail
