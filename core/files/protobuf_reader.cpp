#include "core/files/protobuf_reader.h"

#include <cstring>

namespace limbeck::protobuf {

std::uint64_t MessageReader::varint() {
  std::uint64_t x = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (rest_.empty()) refuse("it breaks off within a number");
    const auto byte = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    x |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return x;
  }
  refuse("a number of more than ten bytes is in it: it is damaged, or of another format");
}

std::string_view MessageReader::take(std::uint64_t size) {
  if (size > rest_.size()) {
    refuse("a field of {} bytes begins where {} are left: it is cut off, or of another format",
           size, rest_.size());
  }
  const std::string_view taken = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return taken;
}

bool MessageReader::next(Field& field) {
  if (rest_.empty()) return false;
  const std::uint64_t key = varint();
  field = {.number = key >> 3, .wire = static_cast<Wire>(key & 7)};
  switch (field.wire) {
    case Wire::varint:
      field.value = varint();
      return true;
    case Wire::sized:
      field.bytes = take(varint());
      return true;
    case Wire::eight_bytes:
    case Wire::four_bytes: {
      const std::string_view raw = take(field.wire == Wire::four_bytes ? 4 : 8);
      std::memcpy(&field.value, raw.data(), raw.size());
      return true;
    }
  }
  refuse("field {} is of kind {}, which no field is: it is damaged, or of another format",
         field.number, key & 7);
}

void MessageReader::refuse_kind(const Field& field) const {
  refuse(
      "field {} of a message has another kind of value than it should: it is damaged, or of "
      "another format",
      field.number);
}

std::string_view MessageReader::bytes(const Field& field) const {
  if (field.wire != Wire::sized) refuse_kind(field);
  return field.bytes;
}

std::int64_t MessageReader::integer(const Field& field) const {
  if (field.wire != Wire::varint) refuse_kind(field);
  return static_cast<std::int64_t>(field.value);
}

float MessageReader::floating(const Field& field) const {
  std::vector<float> one;
  append(field, one);
  if (one.size() != 1) refuse_kind(field);
  return one[0];
}

void MessageReader::append(const Field& field, std::vector<std::int64_t>& list) const {
  if (field.wire != Wire::sized) return list.push_back(integer(field));
  for (MessageReader all = message(field); !all.rest_.empty();) {
    list.push_back(static_cast<std::int64_t>(all.varint()));
  }
}

template <class T>
void MessageReader::append_as_they_lie(const Field& field, Wire alone, std::vector<T>& list) const {
  if (field.wire != alone && field.wire != Wire::sized) refuse_kind(field);
  const std::string_view raw =
      field.wire == Wire::sized
          ? field.bytes
          : std::string_view(reinterpret_cast<const char*>(&field.value), sizeof(T));
  if (raw.size() % sizeof(T) != 0) refuse("field {} ends within a number", field.number);
  const std::size_t before = list.size();
  list.resize(before + raw.size() / sizeof(T));
  if (!raw.empty()) std::memcpy(list.data() + before, raw.data(), raw.size());
}

void MessageReader::append(const Field& field, std::vector<float>& list) const {
  append_as_they_lie(field, Wire::four_bytes, list);
}

void MessageReader::append(const Field& field, std::vector<double>& list) const {
  append_as_they_lie(field, Wire::eight_bytes, list);
}

}  // namespace limbeck::protobuf
