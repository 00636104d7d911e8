// Files for tests to write: IDX as bytes, and a folder that vanishes with the test.
#pragma once

#include <zlib.h>

#include <filesystem>
#include <fstream>

#include "data/dataset.h"
#include "tests/testing.h"

namespace limbeck::testing {

using Bytes = std::string;

// Most significant byte first.
inline Bytes word(std::uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16),
          static_cast<char>(value >> 8), static_cast<char>(value)};
}

// A dataset's file of images, and of labels.
inline Bytes images_file(const Dataset& data) {
  return word(0x803) + word(static_cast<std::uint32_t>(data.size())) +
         word(static_cast<std::uint32_t>(data.image.dim(1))) +
         word(static_cast<std::uint32_t>(data.image.dim(2))) +
         Bytes(data.pixels.begin(), data.pixels.end());
}
inline Bytes labels_file(const Dataset& data) {
  return word(0x801) + word(static_cast<std::uint32_t>(data.size())) +
         Bytes(data.class_ids.begin(), data.class_ids.end());
}

inline Bytes read_all(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// A folder of its own for a test, gone with it.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "limbeck-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  // A file of that name goes first: some file systems wait for the disk when one is overwritten.
  std::string write(const std::string& name, const Bytes& bytes) const {
    std::filesystem::remove(file(name));
    std::ofstream(file(name), std::ios::binary) << bytes;
    return file(name);
  }
  std::string write_gzipped(const std::string& name, const Bytes& bytes) const {
    std::filesystem::remove(file(name));
    gzFile_s* const gz = gzopen(file(name).c_str(), "wb");
    gzwrite(gz, bytes.data(), static_cast<unsigned>(bytes.size()));
    gzclose(gz);
    return file(name);
  }
  std::string path() const { return path_.string(); }
  std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace limbeck::testing
