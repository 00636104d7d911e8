// Adding to a file that others follow while it grows.
#pragma once

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>

#include "core/error.h"

namespace limbeck {

// Writes the bytes at the file's end, so that others see them at once; makes the file if it is not
// there. Error, in the name of `op`, with the path and the system's reason: it cannot be written.
inline void append_to_file(const char* op, const std::string& path, std::string_view bytes) {
  errno = 0;
  std::ofstream file(path, std::ios::binary | std::ios::app);
  file << bytes << std::flush;
  if (!file) fail(op, "{}: cannot be written: {}", path, std::strerror(errno));
}

}  // namespace limbeck
