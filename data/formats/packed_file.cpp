#include "data/formats/packed_file.h"

#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>

namespace limbeck::detail {

void PackedFile::Close::operator()(gzFile_s* file) const {
  gzclose(file);
}

PackedFile::PackedFile(const char* op, const std::string& path) : op_(op), path_(path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) fail(op, "{} is a folder", path);
  file_.reset(gzopen(path.c_str(), "rb"));
  if (!file_) refuse("cannot be opened: {}", std::strerror(errno));
  // A small file is not worth buffers that are larger than it: zlib takes three times as much.
  constexpr std::uintmax_t least = 1 << 12, most = 1 << 18;
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  gzbuffer(file_.get(), static_cast<unsigned>(error ? most : std::clamp(size, least, most)));
}

std::size_t PackedFile::read(void* bytes, std::size_t size) {
  constexpr std::size_t at_once = 1 << 30;
  std::size_t done = 0;
  while (done < size) {
    const auto wanted = static_cast<unsigned>(std::min(at_once, size - done));
    const int got = gzread(file_.get(), static_cast<char*>(bytes) + done, wanted);
    if (got < 0) refuse_stream();
    done += static_cast<std::size_t>(got);
    if (static_cast<unsigned>(got) == wanted) continue;
    // The end. In the midst of a gzip stream it is a break, which zlib reports here only.
    int error = Z_OK;
    gzerror(file_.get(), &error);
    if (error != Z_OK) refuse_stream();
    break;
  }
  return done;
}

std::string PackedFile::read_rest(std::size_t most) {
  std::string bytes;
  while (true) {
    const std::size_t before = bytes.size();
    const std::size_t part = std::max<std::size_t>(before, 1 << 16);
    bytes.resize(before + part);
    const std::size_t got = read(bytes.data() + before, part);
    bytes.resize(before + got);
    if (bytes.size() > most) refuse("it has more than {} bytes", most);
    if (got < part) return bytes;
  }
}

void PackedFile::refuse_stream() const {
  int error = Z_OK;
  const char* const text = gzerror(file_.get(), &error);
  refuse("the file is broken: {}", error == Z_BUF_ERROR ? "its gzip stream breaks off"
                                   : error == Z_ERRNO   ? std::strerror(errno)
                                                        : text);
}

std::string other_kind(std::string_view begin) {
  const std::size_t first = begin.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  if (first != std::string_view::npos && begin[first] == '<') {
    return "; it is a web page, as servers send for a link that is wrong: download the file anew";
  }
  if (begin.starts_with("PK\x03\x04")) return "; it is a zip archive: unpack it";
  if (begin.starts_with("version https://git-lfs")) {
    return "; it is a pointer of git-lfs, not the file itself: get that by git lfs pull";
  }
  if (begin.starts_with("\x1f\x8b")) return "; it is gzipped once more: unpack it by gunzip";
  return "";
}

}  // namespace limbeck::detail
