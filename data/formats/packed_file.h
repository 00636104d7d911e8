// A file to be read from its beginning to its end, plain or gzipped.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "core/error.h"

struct gzFile_s;  // zlib's

namespace limbeck::detail {

// zlib's gz functions read both kinds. Errors are in the name of `op`, with the path.
class PackedFile {
 public:
  // Error: the file is missing, unreadable, or a folder.
  PackedFile(const char* op, const std::string& path);

  // Up to `size` bytes; fewer only at the end of the file. Error: the gzip stream is broken. A
  // stream's check sum is looked at when more is asked for than it holds.
  std::size_t read(void* bytes, std::size_t size);
  // All that are left, at most `most`. Error: there are more.
  std::string read_rest(std::size_t most);

  // Throws the error "OP: PATH: message".
  template <class... Args>
  [[noreturn]] void refuse(fmt::format_string<Args...> message, Args&&... args) const {
    fail(op_, "{}: {}", path_, fmt::format(message, std::forward<Args>(args)...));
  }

 private:
  [[noreturn]] void refuse_stream() const;

  struct Close {
    void operator()(gzFile_s* file) const;
  };
  const char* op_;
  std::string path_;
  std::unique_ptr<gzFile_s, Close> file_;
};

// What a file is that begins so and is not what it should be, where that says what to do, as the
// end of a sentence: "; it is a web page: …". Else "".
std::string other_kind(std::string_view begin);

}  // namespace limbeck::detail
