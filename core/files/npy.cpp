#include "core/files/npy.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/files/file.h"

namespace limbeck {
namespace {

constexpr std::string_view magic = "\x93NUMPY";

struct Header {
  std::string descr;  // the element type
  bool fortran_order;
  Shape shape;
};

// Reads the header's dict from left to right, past spaces.
class Parser {
 public:
  Parser(const FileReader& file, std::string_view text) : file_(file), text_(text) {}

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
    return file_.shape_of(dims);
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

  const FileReader& file_;
  std::string_view text_;
  std::size_t at_ = 0;
};

Header read_header(FileReader& file) {
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

// That the elements, of so many bytes each, are the rest of the file.
void check_rest(const FileReader& file, const Header& header, std::size_t each) {
  if (header.fortran_order) {
    file.refuse("it is in Fortran order; save numpy.ascontiguousarray(array)");
  }
  const auto bytes = static_cast<std::uintmax_t>(header.shape.size()) * each;
  if (file.left() != bytes) {
    file.refuse("its header promises {} bytes, shape {} of {}, and {} follow", bytes, header.shape,
                header.descr, file.left());
  }
}

[[noreturn]] void refuse_elements(const FileReader& file, const std::string& descr,
                                  const char* mend) {
  file.refuse("its elements are {}; {}",
              descr.starts_with("|O")  ? "pickled Python objects"
              : descr.starts_with(">") ? descr + ", most significant byte first"
                                       : descr,
              mend);
}

// The rest of the file: elements of type T.
template <class T>
Tensor read_elements(FileReader& file, const Header& header) {
  check_rest(file, header, sizeof(T));
  Tensor tensor = Tensor::empty(header.shape);
  for (std::span<real> rest = tensor.values(); !rest.empty();) {
    const auto part = file.read<T>(std::min<std::size_t>(rest.size(), 1 << 16));
    for (std::size_t i = 0; i < part.size(); ++i) rest[i] = file.element(part[i]);
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
  write_file("write_npy", path, bytes);
}

Tensor read_npy(const std::string& path) {
  FileReader file("read_npy", path);
  const Header header = read_header(file);
  const std::string& descr = header.descr;
  if (header.fortran_order) check_rest(file, header, 0);
  if (descr == "<f4") return read_elements<float>(file, header);
  if (descr == "<f8") return read_elements<double>(file, header);
  if (descr == "<i4") return read_elements<std::int32_t>(file, header);
  if (descr == "<i8") return read_elements<std::int64_t>(file, header);
  if (descr == "|u1") return read_elements<std::uint8_t>(file, header);
  refuse_elements(file, descr, "<f4, <f8, <i4, <i8 and |u1 can be read; save array.astype('<f4')");
}

NpyArray parse_npy(const char* op, const std::string& name, std::string_view bytes) {
  FileReader file(op, name, bytes);
  const Header header = read_header(file);
  const std::string& descr = header.descr;
  // "<f4": the order of bytes, the kind, the size.
  const bool known = descr.size() == 3 && std::string_view("|<").find(descr[0]) != descr.npos &&
                     std::string_view("fiub").find(descr[1]) != descr.npos &&
                     std::string_view("1248").find(descr[2]) != descr.npos;
  if (!known) refuse_elements(file, descr, "numbers can be read; save array.astype('<f4')");
  check_rest(file, header, static_cast<std::size_t>(descr[2] - '0'));
  return {.shape = header.shape, .dtype = descr, .bytes = file.read_text(file.left())};
}

}  // namespace limbeck
