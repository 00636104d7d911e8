// JSON as text. A file's name may be any bytes, and JSON is UTF-8: what is none is replaced.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace limbeck {

template <class Json>
std::string json_text(const Json& json, int indent = -1) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace limbeck
