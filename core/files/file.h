// Files: read with an eye on what they claim, written whole or not at all.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/shape.h"

namespace limbeck {

static_assert(std::endian::native == std::endian::little, "elements are copied as they lie");

// Puts these bytes into the file: they go to a new file beside it, are synced to the disk and
// renamed. A program or a machine that stops at any moment leaves the old file or the new one,
// never a part; of two writers at the same time one's bytes are there in the end, whole. A symbolic
// link is followed, an old file's mode is kept, and what is no file but a device or a pipe is
// written to. Error, in the name of `op`, with the path and the system's reason: it cannot be
// written; then the old file is as it was.
void write_file(const char* op, const std::string& path, std::string_view bytes);
// That error now, by trying, with nothing written.
void check_writable(const char* op, const std::string& path);

// While it lives, no other process has such a lock on the folder: two runs that keep files there
// would mix them. It goes with the process, however that ends. Error, in the name of `op`: another
// process has one, or there is no such folder. Where the file system knows no locks, it does
// nothing.
class FolderLock {
 public:
  FolderLock(const char* op, const std::string& folder);

 private:
  std::shared_ptr<void> lock_;
};

// Whether the conversion to To turns a finite x into an infinity.
template <class To, class From>
bool overflows(From x) {
  return std::isfinite(x) && !std::isfinite(static_cast<To>(x));
}

// A file to read. It knows how many bytes are left, so that no length that the file claims is
// believed before memory is asked for. All errors are in the name of `op`, with the path.
class FileReader {
 public:
  // Error: the file is missing, unreadable, or a folder.
  FileReader(const char* op, const std::string& path);
  // Reads these bytes as if a file of this name had them; they must outlive the reader.
  FileReader(const char* op, const std::string& name, std::string_view bytes);

  std::uintmax_t left() const { return left_; }

  // The next `size` items, as they lie. Error: fewer are left, or the disk fails.
  template <class T>
  std::vector<T> read(std::size_t size) {
    if (size > left_ / sizeof(T)) refuse("it breaks off within its header");
    std::vector<T> items(size);
    read_bytes(items.data(), size * sizeof(T));
    return items;
  }
  std::string read_text(std::size_t size);
  // Passes over the next `size` bytes. Error: as for read.
  void skip(std::uintmax_t size);

  // The shape of an array that the file describes. Error: more dimensions than a tensor has, or
  // sizes that multiply to more than any file can hold.
  Shape shape_of(std::span<const Index> dims) const;
  // An element as a real. Error: it is finite in the file and infinite as a real.
  template <class T>
  real element(T x) const {
    if (overflows<real>(x)) refuse("{} is beyond the range of a tensor", x);
    return static_cast<real>(x);
  }

  // Throws the error "OP: PATH: message".
  template <class... Args>
  [[noreturn]] void refuse(fmt::format_string<Args...> message, Args&&... args) const {
    fail(op_, "{}: {}", path_, fmt::format(message, std::forward<Args>(args)...));
  }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  void read_bytes(void* to, std::size_t size);

  const char* op_;
  std::string path_;
  std::uintmax_t left_ = 0;
  std::unique_ptr<std::FILE, Close> file_;
};

}  // namespace limbeck
