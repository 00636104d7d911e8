// Protocol buffers, as bytes: a message is its fields one after the other, and a field is its
// number and kind, then the value. (https://protobuf.dev/programming-guides/encoding)
//
//   sized(1, sized(1, name) + floating(2, value))     a message in field 1, with two fields
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

namespace limbeck::protobuf {

// How a field's value lies.
enum class Wire : std::uint64_t { varint = 0, eight_bytes = 1, sized = 2, four_bytes = 5 };

// The number as it lies in memory: least significant byte first.
template <class T>
std::string bytes_of(T x) {
  const auto bytes = std::bit_cast<std::array<char, sizeof(T)>>(x);
  return {bytes.begin(), bytes.end()};
}

// Seven bits a byte, the lowest first; the top bit says that more follow.
inline std::string varint(std::uint64_t x) {
  std::string bytes;
  for (; x >= 0x80; x >>= 7) bytes += static_cast<char>(x | 0x80);
  return bytes + static_cast<char>(x);
}

// What a field begins with.
inline std::string key(std::uint64_t number, Wire wire) {
  return varint(number << 3 | static_cast<std::uint64_t>(wire));
}

// A whole number; a text, some bytes or a message; a float, a double.
inline std::string integer(std::uint64_t number, std::int64_t value) {
  return key(number, Wire::varint) + varint(static_cast<std::uint64_t>(value));
}
inline std::string sized(std::uint64_t number, std::string_view value) {
  return key(number, Wire::sized) + varint(value.size()) + std::string(value);
}
inline std::string floating(std::uint64_t number, float value) {
  return key(number, Wire::four_bytes) + bytes_of(value);
}
inline std::string floating(std::uint64_t number, double value) {
  return key(number, Wire::eight_bytes) + bytes_of(value);
}

}  // namespace limbeck::protobuf
