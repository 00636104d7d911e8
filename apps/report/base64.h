// Base64: bytes as text that JSON can hold.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace limbeck {

// RFC 4648, section 4: three bytes become four characters, "=" fills up the last four.
std::string base64(std::span<const std::byte> bytes);

// The elements as they lie in memory: a float is four bytes, least significant first.
template <class Items>
std::string base64_of(const Items& items) {
  return base64(std::as_bytes(std::span(items)));
}

}  // namespace limbeck
