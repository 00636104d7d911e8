#include "data/idx.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <limits>
#include <memory>

#include "core/error.h"

namespace limbeck {
namespace {

// A file, plain or gzipped: zlib's gz functions read both.
class File {
 public:
  explicit File(const std::string& path) : path_(path) {
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored)) fail("read_idx", "{} is a folder", path);
    file_.reset(gzopen(path.c_str(), "rb"));
    if (!file_) fail("read_idx", "{}: cannot be opened: {}", path, std::strerror(errno));
  }

  // Up to `size` bytes; fewer only at the end of the file.
  std::size_t read(std::uint8_t* bytes, std::size_t size) {
    constexpr std::size_t at_once = 1 << 30;
    std::size_t done = 0;
    while (done < size) {
      const auto wanted = static_cast<unsigned>(std::min(at_once, size - done));
      const int got = gzread(file_.get(), bytes + done, wanted);
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

  template <class... Args>
  [[noreturn]] void refuse(fmt::format_string<Args...> message, Args&&... args) const {
    fail("read_idx", "{}: {}", path_, fmt::format(message, std::forward<Args>(args)...));
  }

 private:
  [[noreturn]] void refuse_stream() {
    int error = Z_OK;
    const char* const text = gzerror(file_.get(), &error);
    refuse("the file is broken: {}", error == Z_BUF_ERROR ? "its gzip stream breaks off"
                                     : error == Z_ERRNO   ? std::strerror(errno)
                                                          : text);
  }

  struct Close {
    void operator()(gzFile file) const { gzclose(file); }
  };
  std::string path_;
  std::unique_ptr<std::remove_pointer_t<gzFile>, Close> file_;
};

struct Idx {
  std::vector<std::size_t> dims;
  std::vector<std::uint8_t> bytes;
};

std::uint32_t big_endian(const std::uint8_t* b) {
  return std::uint32_t{b[0]} << 24 | std::uint32_t{b[1]} << 16 | std::uint32_t{b[2]} << 8 | b[3];
}

// The elements of a file that should hold unsigned bytes in `rank` dimensions.
Idx read_bytes(const std::string& path, std::uint8_t rank, const char* what) {
  File file(path);
  std::array<std::uint8_t, 4> word{};
  const std::uint32_t expected = 0x800U | rank;
  if (file.read(word.data(), 4) < 4) file.refuse("too short for an IDX file of {}", what);
  if (big_endian(word.data()) != expected) {
    file.refuse("not an IDX file of {}: it begins with 0x{:08x} instead of 0x{:08x}{}", what,
                big_endian(word.data()), expected,
                big_endian(word.data()) == (expected ^ 2U) ? " (images and labels swapped?)" : "");
  }
  Idx idx;
  std::size_t size = 1;
  for (int i = 0; i < rank; ++i) {
    if (file.read(word.data(), 4) < 4) file.refuse("it breaks off within its header");
    const std::size_t dim = big_endian(word.data());
    if (dim == 0) file.refuse("dimension {} is 0", i);
    if (size > std::numeric_limits<std::size_t>::max() / dim) {
      file.refuse("its dimensions multiply to more than any file can hold");
    }
    size *= dim;
    idx.dims.push_back(dim);
  }
  // In growing parts, so that a header gone wrong does not ask for all the memory of the machine.
  // One byte more is asked for together with the last part: only then does zlib look for the check
  // sum after it.
  while (idx.bytes.size() < size + 1) {
    const std::size_t before = idx.bytes.size();
    const std::size_t left = size + 1 - before;
    std::size_t part = std::min(left, std::max<std::size_t>(before, 1 << 20));
    if (left - part < 4096) part = left;
    idx.bytes.resize(before + part);
    const std::size_t got = file.read(idx.bytes.data() + before, part);
    if (before + got > size) {
      file.refuse("it goes on after the {} bytes of {} that its header promises", size, what);
    }
    if (got < part && before + got < size) {
      file.refuse("its header promises {} bytes of {}, and it has {}", size, what, before + got);
    }
  }
  idx.bytes.resize(size);
  return idx;
}

// The file of this name in the folder, plain or with .gz.
std::string find(const std::filesystem::path& folder, const std::string& name) {
  for (const std::string& candidate : {name, name + ".gz"}) {
    if (std::filesystem::exists(folder / candidate)) return (folder / candidate).string();
  }
  fail("load_mnist", "{} has no file {} or {}.gz", folder.string(), name, name);
}

}  // namespace

Dataset read_idx(const std::string& images_file, const std::string& labels_file, Index classes) {
  Idx images = read_bytes(images_file, 3, "images");
  const Idx labels = read_bytes(labels_file, 1, "labels");
  if (images.dims[0] != labels.dims[0]) {
    fail("read_idx", "{} has {} images and {} has {} labels", images_file, images.dims[0],
         labels_file, labels.dims[0]);
  }
  Dataset data{.image = {1, static_cast<Index>(images.dims[1]), static_cast<Index>(images.dims[2])},
               .classes = classes,
               .pixels = std::move(images.bytes),
               .class_ids = {labels.bytes.begin(), labels.bytes.end()}};
  for (std::size_t i = 0; i < data.class_ids.size(); ++i) {
    if (data.class_ids[i] >= classes) {
      fail("read_idx", "{}: label {} is {}; there are {} classes, 0 to {}", labels_file, i,
           data.class_ids[i], classes, classes - 1);
    }
  }
  return data;
}

TrainTest load_mnist(const std::string& folder) {
  if (!std::filesystem::is_directory(folder)) {
    fail("load_mnist",
         "{} is not a folder; it should hold train-images-idx3-ubyte and the three "
         "files that belong to it",
         folder);
  }
  const auto read = [&](const std::string& set) {
    const std::string images = find(folder, set + "-images-idx3-ubyte");
    return read_idx(images, find(folder, set + "-labels-idx1-ubyte"), 10);
  };
  TrainTest sets{.train = read("train"), .test = read("t10k")};
  if (sets.train.image != sets.test.image) {
    fail("load_mnist", "{}: the training images are {} and the test images {}", folder,
         sets.train.image, sets.test.image);
  }
  return sets;
}

}  // namespace limbeck
