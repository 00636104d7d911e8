// A reader of event files, apart from what writes them: records, their CRCs and protocol buffers.
#pragma once

#include <map>

#include "tests/data/idx_files.h"

namespace limbeck::testing {

// Castagnoli's CRC by its definition: the remainder of a division of polynomials, bit by bit, in
// the reflected form.
inline std::uint32_t plain_crc32c(const Bytes& bytes) {
  std::uint32_t remainder = 0xFFFFFFFF;
  for (const char c : bytes) {
    remainder ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) {
      const bool carry = (remainder & 1) == 1;
      remainder >>= 1;
      if (carry) remainder ^= 0x82F63B78;
    }
  }
  return remainder ^ 0xFFFFFFFF;
}

// `size` bytes as a number, the first the least significant.
inline std::uint64_t number_at(const Bytes& bytes, std::size_t at, std::size_t size) {
  std::uint64_t number = 0;
  for (std::size_t i = size; i > 0; --i) {
    number = 256 * number + static_cast<unsigned char>(bytes.at(at + i - 1));
  }
  return number;
}

inline std::uint64_t masked(const Bytes& bytes) {
  const std::uint64_t crc = plain_crc32c(bytes);
  return ((crc / 0x8000 + crc % 0x8000 * 0x20000) + 0xa282ead8) % 0x100000000;
}

// The fields of a protocol buffer's message, by number; numbers as text.
inline std::multimap<std::uint64_t, Bytes> fields_of(const Bytes& message) {
  std::multimap<std::uint64_t, Bytes> fields;
  std::size_t at = 0;
  const auto varint = [&] {
    std::uint64_t value = 0, scale = 1;
    while (true) {
      const auto byte = static_cast<unsigned char>(message.at(at++));
      value += (byte % 128) * scale;
      if (byte < 128) return value;
      scale *= 128;
    }
  };
  while (at < message.size()) {
    const std::uint64_t key = varint();
    if (key % 8 == 0) {
      fields.emplace(key / 8, std::to_string(varint()));
      continue;
    }
    REQUIRE((key % 8 == 1 || key % 8 == 2 || key % 8 == 5));
    const std::uint64_t size = key % 8 == 1 ? 8 : key % 8 == 5 ? 4 : varint();
    REQUIRE(at + size <= message.size());
    fields.emplace(key / 8, message.substr(at, size));
    at += size;
  }
  return fields;
}

struct Step {
  Index step;
  double wall_time;
  std::map<std::string, float> scalars;
};

template <class T>
T as(const Bytes& bytes) {
  REQUIRE(bytes.size() == sizeof(T));
  T value{};
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

// The messages of all records; the test fails where a CRC is wrong or bytes are left over.
inline std::vector<Bytes> records_of(const Bytes& file) {
  std::vector<Bytes> messages;
  for (std::size_t at = 0; at < file.size();) {
    const std::uint64_t size = number_at(file, at, 8);
    REQUIRE(number_at(file, at + 8, 4) == masked(file.substr(at, 8)));
    REQUIRE(at + 16 + size <= file.size());
    messages.push_back(file.substr(at + 12, size));
    REQUIRE(number_at(file, at + 12 + size, 4) == masked(messages.back()));
    at += 16 + size;
  }
  return messages;
}

inline std::vector<Step> steps_of(const Bytes& file) {
  const std::vector<Bytes> messages = records_of(file);
  REQUIRE_FALSE(messages.empty());
  CHECK(fields_of(messages[0]).find(3)->second == "brain.Event:2");
  std::vector<Step> steps;
  for (std::size_t i = 1; i < messages.size(); ++i) {
    const auto event = fields_of(messages[i]);
    Step step{.step = std::stoll(event.find(2)->second),
              .wall_time = as<double>(event.find(1)->second),
              .scalars = {}};
    for (const auto& [number, message] : fields_of(event.find(5)->second)) {
      CHECK(number == 1);
      const auto value = fields_of(message);
      step.scalars[value.find(1)->second] = as<float>(value.find(2)->second);
    }
    steps.push_back(step);
  }
  return steps;
}

// The one event file of a folder.
inline std::string event_file_in(const std::string& folder) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    CHECK(entry.path().filename().string().starts_with("events.out.tfevents."));
    files.push_back(entry.path().string());
  }
  REQUIRE(files.size() == 1);
  return files[0];
}

inline std::vector<Index> numbers_of(const std::vector<Step>& steps) {
  std::vector<Index> numbers;
  for (const Step& step : steps) numbers.push_back(step.step);
  return numbers;
}

}  // namespace limbeck::testing
