#include "core/file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <limits>
#include <utility>

namespace limbeck {
namespace {

// A file descriptor that is closed at the end of its scope.
class Descriptor {
 public:
  Descriptor(const std::string& path, int flags) : fd_(open(path.c_str(), flags, 0666)) {}
  ~Descriptor() { close_now(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  operator int() const { return fd_; }
  bool close_now() { return fd_ < 0 || close(std::exchange(fd_, -1)) == 0; }

 private:
  int fd_;
};

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace

void write_file(const char* op, const std::string& path, std::string_view bytes) {
  const std::string temporary = path + ".tmp";
  const auto check = [&](bool done) {
    if (done) return;
    const int error = errno;
    unlink(temporary.c_str());
    fail(op, "{}: cannot be written: {}", path, std::strerror(error));
  };
  Descriptor file(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC);
  check(file >= 0);
  check(write_all(file, bytes));
  check(fsync(file) == 0);
  check(file.close_now());
  check(std::rename(temporary.c_str(), path.c_str()) == 0);
  // The new name itself is safe only when the folder is. Some file systems cannot sync folders.
  const std::string folder = std::filesystem::path(path).parent_path();
  const Descriptor parent(folder.empty() ? "." : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (parent >= 0) static_cast<void>(fsync(parent));
}

FileReader::FileReader(const char* op, const std::string& path) : op_(op), path_(path) {
  std::error_code error;
  left_ = std::filesystem::file_size(path, error);
  if (error) refuse("cannot be opened: {}", error.message());
  file_.reset(std::fopen(path.c_str(), "rb"));
  if (!file_) refuse("cannot be opened: {}", std::strerror(errno));
}

Shape FileReader::shape_of(std::span<const Index> dims) const {
  if (dims.size() > Shape::max_rank) {
    refuse("it has {} dimensions; a tensor has at most {}", dims.size(), Shape::max_rank);
  }
  // Dimensions of 0 count as 1 here: the sizes of parts of the shape must not overflow either.
  Index size = sizeof(double);
  for (const Index dim : dims) {
    if (std::max<Index>(dim, 1) > std::numeric_limits<Index>::max() / size) {
      refuse("its dimensions multiply to more than any file can hold");
    }
    size *= std::max<Index>(dim, 1);
  }
  Shape shape;
  for (std::size_t i = dims.size(); i > 0; --i) shape = shape.with_front(dims[i - 1]);
  return shape;
}

std::string FileReader::read_text(std::size_t size) {
  if (size > left_) refuse("it breaks off within its header");
  std::string text(size, '\0');
  read_bytes(text.data(), size);
  return text;
}

void FileReader::skip(std::uintmax_t size) {
  if (size > left_) refuse("it breaks off within its header");
  if (fseeko(file_.get(), static_cast<off_t>(size), SEEK_CUR) != 0) {
    refuse("it cannot be read to its end");
  }
  left_ -= size;
}

void FileReader::read_bytes(void* to, std::size_t size) {
  if (size > 0 && std::fread(to, 1, size, file_.get()) != size) {
    refuse("it cannot be read to its end");
  }
  left_ -= size;
}

}  // namespace limbeck
