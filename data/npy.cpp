#include "data/npy.h"

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace limbeck {
namespace {

static_assert(std::endian::native == std::endian::little, "elements are copied as they lie");

constexpr std::string_view magic = "\x93NUMPY";

struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using Handle = std::unique_ptr<std::FILE, Close>;

// Whether the conversion to To turns a finite x into an infinity.
template <class To, class From>
bool overflows(From x) {
  return std::isfinite(x) && !std::isfinite(static_cast<To>(x));
}

// A file to read. It knows how many bytes are left, so that no length that it claims is believed
// before memory is asked for.
class File {
 public:
  explicit File(const std::string& path) : path_(path) {
    std::error_code error;
    left_ = std::filesystem::file_size(path, error);
    if (error) refuse("cannot be opened: {}", error.message());
    file_.reset(std::fopen(path.c_str(), "rb"));
    if (!file_) refuse("cannot be opened: {}", std::strerror(errno));
  }

  std::uintmax_t left() const { return left_; }

  template <class T>
  std::vector<T> read(std::size_t size) {
    if (size > left_ / sizeof(T)) refuse("it breaks off within its header");
    std::vector<T> items(size);
    const bool done = size == 0 || std::fread(items.data(), sizeof(T), size, file_.get()) == size;
    if (!done) refuse("it cannot be read to its end");
    left_ -= size * sizeof(T);
    return items;
  }

  template <class... Args>
  [[noreturn]] void refuse(fmt::format_string<Args...> message, Args&&... args) const {
    fail("read_npy", "{}: {}", path_, fmt::format(message, std::forward<Args>(args)...));
  }

 private:
  std::string path_;
  std::uintmax_t left_ = 0;
  Handle file_;
};

struct Header {
  std::string descr;  // the element type
  bool fortran_order;
  Shape shape;
};

// Reads the header's dict from left to right, past spaces.
class Parser {
 public:
  Parser(const File& file, std::string_view text) : file_(file), text_(text) {}

  Header header() {
    std::optional<std::string> descr;
    std::optional<bool> fortran_order;
    std::optional<Shape> shape;
    expect("{");
    while (!accept("}")) {
      if (!descr && key("'descr'")) {
        descr = string();
      } else if (!fortran_order && key("'fortran_order'")) {
        fortran_order = boolean();
      } else if (!shape && key("'shape'")) {
        shape = tuple();
      } else {
        refuse("one of the keys 'descr', 'fortran_order' and 'shape', each once,");
      }
      if (accept(",")) continue;
      expect("}");
      break;
    }
    expect("\n");
    if (at_ != text_.size()) refuse("no more");
    if (!descr) file_.refuse("its header lacks 'descr'");
    if (!fortran_order) file_.refuse("its header lacks 'fortran_order'");
    if (!shape) file_.refuse("its header lacks 'shape'");
    return {.descr = *descr, .fortran_order = *fortran_order, .shape = *shape};
  }

 private:
  [[noreturn]] void refuse(const std::string& expected) const {
    file_.refuse("its header is not that of NPY: expected {} at byte {}", expected, at_);
  }

  bool accept(std::string_view token) {
    at_ = std::min(text_.find_first_not_of(' ', at_), text_.size());
    if (!text_.substr(at_).starts_with(token)) return false;
    at_ += token.size();
    return true;
  }

  void expect(std::string_view token) {
    if (accept(token)) return;
    refuse(token == "\n" ? "spaces and a line feed" : fmt::format("'{}'", token));
  }

  bool key(std::string_view name) {
    if (!accept(name)) return false;
    expect(":");
    return true;
  }

  bool boolean() {
    if (accept("True")) return true;
    if (!accept("False")) refuse("True or False");
    return false;
  }

  std::string string() {
    if (accept("[")) file_.refuse("it holds records; save one field, array['name']");
    if (!accept("'")) refuse("an element type in single quotes");
    const std::string_view text = text_.substr(at_, text_.substr(at_).find('\''));
    const bool printable = std::ranges::all_of(text, [](char c) { return ' ' <= c && c <= '~'; });
    if (!printable) refuse("an element type in ASCII");
    at_ += text.size();
    if (!accept("'")) refuse("a closing quote");
    return std::string(text);
  }

  Shape tuple() {
    std::vector<Index> dims;
    expect("(");
    while (!accept(")")) {
      dims.push_back(integer());
      if (accept(",")) continue;
      if (dims.size() == 1) refuse("a comma, as in (3,)");
      expect(")");
      break;
    }
    if (dims.size() > Shape::max_rank) {
      file_.refuse("it has {} dimensions; a tensor has at most {}", dims.size(), Shape::max_rank);
    }
    // Dimensions of 0 count as 1 here: the sizes of parts of the shape must not overflow either.
    Index size = sizeof(double);
    for (const Index dim : dims) {
      if (std::max<Index>(dim, 1) > std::numeric_limits<Index>::max() / size) {
        file_.refuse("its dimensions multiply to more than any file can hold");
      }
      size *= std::max<Index>(dim, 1);
    }
    Shape shape;
    for (std::size_t i = dims.size(); i > 0; --i) shape = shape.with_front(dims[i - 1]);
    return shape;
  }

  Index integer() {
    Index n = 0;
    const char* const first = text_.data() + at_;
    const auto [last, error] = std::from_chars(first, text_.data() + text_.size(), n);
    // The comparison refuses -0 and 07, which is no integer in Python.
    if (error != std::errc{} || n < 0 || fmt::to_string(n) != std::string_view(first, last)) {
      refuse("a dimension, an integer from 0 to 2^63 - 1,");
    }
    at_ += static_cast<std::size_t>(last - first);
    return n;
  }

  const File& file_;
  std::string_view text_;
  std::size_t at_ = 0;
};

Header read_header(File& file) {
  if (file.left() < magic.size() || !std::ranges::equal(file.read<char>(magic.size()), magic)) {
    file.refuse("not an NPY file: it does not begin with \\x93NUMPY");
  }
  const auto version = file.read<std::uint8_t>(2);
  if ((version[0] != 1 && version[0] != 2) || version[1] != 0) {
    file.refuse("it is NPY of version {}.{}; 1.0 and 2.0 can be read", version[0], version[1]);
  }
  const std::uint32_t size =
      version[0] == 1 ? file.read<std::uint16_t>(1)[0] : file.read<std::uint32_t>(1)[0];
  const auto text = file.read<char>(size);
  return Parser(file, {text.data(), text.size()}).header();
}

// The rest of the file: elements of type T.
template <class T>
Tensor read_elements(File& file, const Header& header) {
  const auto bytes = static_cast<std::uintmax_t>(header.shape.size()) * sizeof(T);
  if (file.left() != bytes) {
    file.refuse("its header promises {} bytes, shape {} of {}, and {} follow", bytes, header.shape,
                header.descr, file.left());
  }
  Tensor tensor = Tensor::empty(header.shape);
  for (std::span<real> rest = tensor.values(); !rest.empty();) {
    const auto part = file.read<T>(std::min<std::size_t>(rest.size(), 1 << 16));
    for (std::size_t i = 0; i < part.size(); ++i) {
      if (overflows<real>(part[i])) file.refuse("{} is beyond the range of a tensor", part[i]);
      rest[i] = static_cast<real>(part[i]);
    }
    rest = rest.subspan(part.size());
  }
  return tensor;
}

}  // namespace

void write_npy(const std::string& path, const Tensor& tensor) {
  std::string shape = tensor.shape().str();
  if (tensor.shape().rank() == 1) shape.insert(shape.size() - 1, 1, ',');
  std::string dict =
      fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': {}, }}", shape);
  constexpr std::size_t before = magic.size() + 4;  // the version and the length, two bytes each
  dict.resize((before + dict.size()) / 64 * 64 + 63 - before, ' ');
  dict += '\n';
  std::string bytes = std::string(magic) + '\1' + '\0';
  bytes += static_cast<char>(dict.size() & 255);
  bytes += static_cast<char>(dict.size() >> 8);
  bytes += dict;
  for (const real x : tensor.values()) {
    if (overflows<float>(x)) fail("write_npy", "{}: {} is beyond the range of <f4", path, x);
    const auto element = static_cast<float>(x);
    bytes.append(reinterpret_cast<const char*>(&element), sizeof(element));
  }

  const std::string temporary = path + ".tmp";
  const auto check = [&](bool done) {
    if (done) return;
    const int error = errno;
    unlink(temporary.c_str());
    fail("write_npy", "{}: cannot be written: {}", path, std::strerror(error));
  };
  Handle file(std::fopen(temporary.c_str(), "wb"));
  check(file != nullptr);
  check(std::fwrite(bytes.data(), 1, bytes.size(), file.get()) == bytes.size());
  check(std::fflush(file.get()) == 0 && fsync(fileno(file.get())) == 0);
  check(std::fclose(file.release()) == 0);
  check(std::rename(temporary.c_str(), path.c_str()) == 0);
}

Tensor read_npy(const std::string& path) {
  File file(path);
  const Header header = read_header(file);
  const std::string& descr = header.descr;
  if (header.fortran_order) {
    file.refuse("it is in Fortran order; save numpy.ascontiguousarray(array)");
  }
  if (descr == "<f4") return read_elements<float>(file, header);
  if (descr == "<f8") return read_elements<double>(file, header);
  if (descr == "<i4") return read_elements<std::int32_t>(file, header);
  if (descr == "<i8") return read_elements<std::int64_t>(file, header);
  if (descr == "|u1") return read_elements<std::uint8_t>(file, header);
  file.refuse(
      "its elements are {}; <f4, <f8, <i4, <i8 and |u1 can be read; save array.astype('<f4')",
      descr.starts_with("|O")  ? "pickled Python objects"
      : descr.starts_with(">") ? descr + ", most significant byte first"
                               : descr);
}

}  // namespace limbeck
