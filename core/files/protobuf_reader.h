// Protocol buffers, read: the fields of a message one after the other, none of which is believed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/files/protobuf.h"

namespace limbeck::protobuf {

// A field as it lies in a message.
struct Field {
  std::uint64_t number = 0;  // which one it is
  Wire wire{};               // how its value lies
  std::uint64_t value = 0;   // of a number: its bits
  std::string_view bytes{};  // of what is sized: a text, a message, numbers one after the other
};

// Goes through a message. What it returns is as large as the bytes are, or eight times that where
// numbers take a byte each; messages within it are read by readers of their own, so nothing here
// calls itself. All errors are "OP: SOURCE: …".
//
//   for (Field field; message.next(field);) {
//     if (field.number == 1) name = message.text(field);
//   }
class MessageReader {
 public:
  // Of bytes and names that outlive it.
  MessageReader(const char* op, std::string_view source, std::string_view bytes)
      : op_(op), source_(source), rest_(bytes) {}

  // The next field; false at the end. Error: it breaks off, or lies in a way that there is not.
  bool next(Field& field);

  // The value, as what it is meant to be. Error: it lies otherwise.
  std::string_view bytes(const Field& field) const;
  std::string text(const Field& field) const { return std::string(bytes(field)); }
  MessageReader message(const Field& field) const { return {op_, source_, bytes(field)}; }
  std::int64_t integer(const Field& field) const;
  float floating(const Field& field) const;
  // One of a list of numbers, or all of it in one field: appended. Error: as above.
  void append(const Field& field, std::vector<std::int64_t>& list) const;
  void append(const Field& field, std::vector<float>& list) const;
  void append(const Field& field, std::vector<double>& list) const;

  // Throws the error "OP: SOURCE: message".
  template <class... Args>
  [[noreturn]] void refuse(fmt::format_string<Args...> message, Args&&... args) const {
    fail(op_, "{}: {}", source_, fmt::format(message, std::forward<Args>(args)...));
  }

 private:
  std::uint64_t varint();
  std::string_view take(std::uint64_t size);
  [[noreturn]] void refuse_kind(const Field& field) const;
  template <class T>
  void append_as_they_lie(const Field& field, Wire alone, std::vector<T>& list) const;

  const char* op_;
  std::string_view source_, rest_;
};

}  // namespace limbeck::protobuf
