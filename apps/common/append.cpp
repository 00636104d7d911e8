#include "apps/common/append.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/error.h"

namespace limbeck {

void append_to_file(const char* op, const std::string& path, std::string_view bytes,
                    Reached reached) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  bool written = file >= 0;
  // A disk that is nearly full takes a part; the reason comes with the next try.
  while (written && !bytes.empty()) {
    const ssize_t size = write(file, bytes.data(), bytes.size());
    if (size >= 0) bytes.remove_prefix(static_cast<std::size_t>(size));
    written = size >= 0 || errno == EINTR;
  }
  if (written && reached == Reached::disk) written = fsync(file) == 0;
  int reason = errno;
  if (file >= 0 && close(file) != 0 && written) written = false, reason = errno;
  if (!written) fail(op, "{}: cannot be written: {}", path, std::strerror(reason));
}

}  // namespace limbeck
