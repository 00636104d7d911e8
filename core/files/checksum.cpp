#include "core/files/checksum.h"

#include <fmt/format.h>
#include <zlib.h>

namespace limbeck {

void Checksum::add_bytes(const void* bytes, std::size_t size) {
  if (size > 0) sum_ = crc32_z(sum_, static_cast<const Bytef*>(bytes), size);
}

std::string Checksum::str() const {
  return fmt::format("{:08x}", sum_);
}

}  // namespace limbeck
