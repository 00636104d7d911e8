#include "apps/common/event_file.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <vector>

#include "apps/common/append.h"
#include "core/files/file.h"
#include "core/files/protobuf.h"

namespace limbeck {
namespace {

using namespace protobuf;

constexpr const char* op = "event_file";
constexpr const char* prefix = "events.out.tfevents.";

std::string wall_time() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return floating(1, std::chrono::duration<double>(now).count());
}

std::string step_event(Index step, std::span<const Scalar> scalars) {
  std::string summary;
  for (const Scalar& scalar : scalars) {
    summary += sized(1, sized(1, scalar.tag) + floating(2, static_cast<float>(scalar.value)));
  }
  return wall_time() + integer(2, step) + sized(5, summary);
}

// --- records ---

std::string masked_crc(std::string_view bytes) {
  return bytes_of(std::rotr(crc32c(bytes), 15) + std::uint32_t{0xa282ead8});
}

std::string record(const std::string& data) {
  const std::string length = bytes_of(std::uint64_t{data.size()});
  return length + masked_crc(length) + data + masked_crc(data);
}

constexpr std::size_t head = 12, tail = 4;  // bytes of a record before and after its data

// The size of the record at the beginning of these bytes; 0 if it is not whole.
std::size_t record_size(std::string_view bytes) {
  if (bytes.size() < head + tail || masked_crc(bytes.substr(0, 8)) != bytes.substr(8, 4)) return 0;
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof length);
  if (length > bytes.size() - head - tail) return 0;
  const std::string_view data = bytes.substr(head, length);
  return masked_crc(data) == bytes.substr(head + length, tail) ? head + length + tail : 0;
}

// The step of a record's data as add() writes them; 0 for the first one's, which have none.
Index step_of(std::string_view data) {
  const std::string_view rest = data.substr(std::min(wall_time().size(), data.size()));
  const std::string field = key(2, Wire::varint);
  if (!rest.starts_with(field)) return 0;
  Index step = 0;
  int shift = 0;
  for (const char byte : rest.substr(field.size(), 9)) {
    step |= static_cast<Index>(byte & 0x7F) << shift;
    shift += 7;
    if ((byte & 0x80) == 0) break;
  }
  return step;
}

// Takes from the file what comes after this step, or is no whole record.
void cut(const std::string& path, Index last_step) {
  FileReader file(op, path);
  const std::string bytes = file.read_text(file.left());
  std::string_view rest = bytes;
  for (std::size_t size; (size = record_size(rest)) > 0; rest.remove_prefix(size)) {
    if (step_of(rest.substr(head, size - head - tail)) > last_step) break;
  }
  std::error_code error;
  std::filesystem::resize_file(path, bytes.size() - rest.size(), error);
  if (error) fail(op, "{}: cannot be written: {}", path, error.message());
}

// By their names, which begin with the time: the oldest first.
std::vector<std::string> event_files_in(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  std::vector<std::string> files;
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error)) {
    if (at->path().filename().string().starts_with(prefix)) files.push_back(at->path().string());
  }
  if (error) fail(op, "{}: cannot be used as a folder: {}", folder, error.message());
  std::ranges::sort(files);
  return files;
}

std::string new_name() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  std::array<char, 256> host{};  // Linux' names have 64 at most
  static_cast<void>(gethostname(host.data(), host.size() - 1));
  return fmt::format("{}{}.{}", prefix,
                     std::chrono::duration_cast<std::chrono::seconds>(now).count(), host.data());
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  static constexpr auto table = [] {
    std::array<std::uint32_t, 256> remainders{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
      std::uint32_t x = byte;
      for (int bit = 0; bit < 8; ++bit) x = (x >> 1) ^ ((x & 1) != 0 ? 0x82F63B78 : 0);
      remainders[byte] = x;
    }
    return remainders;
  }();
  std::uint32_t crc = ~std::uint32_t{0};
  for (const char c : bytes) crc = (crc >> 8) ^ table[(crc ^ static_cast<unsigned char>(c)) & 0xFF];
  return ~crc;
}

EventFile::EventFile(const std::string& folder, Index last_step) {
  std::vector<std::string> files = event_files_in(folder);
  if (last_step > 0 && !files.empty()) {
    path_ = files.back();
    cut(path_, last_step);
    if (std::filesystem::file_size(path_) > 0) return;
  }
  for (const std::string& file : files) {
    std::error_code error;
    std::filesystem::remove(file, error);
    if (error) fail(op, "{}: cannot be removed: {}", file, error.message());
  }
  path_ = (std::filesystem::path(folder) / new_name()).string();
  append_to_file(op, path_, record(wall_time() + sized(3, "brain.Event:2")));
}

void EventFile::add(Index step, std::span<const Scalar> scalars) {
  append_to_file(op, path_, record(step_event(step, scalars)));
}

}  // namespace limbeck
