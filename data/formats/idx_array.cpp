#include "data/formats/idx_array.h"

#include <algorithm>
#include <array>
#include <limits>

#include "data/formats/packed_file.h"

namespace limbeck::detail {
namespace {

// What an element type is called, or "".
const char* type_name(std::uint32_t type) {
  switch (type) {
    case 0x08:
      return "unsigned bytes";
    case 0x09:
      return "signed bytes";
    case 0x0B:
      return "short integers";
    case 0x0C:
      return "integers";
    case 0x0D:
      return "floats";
    case 0x0E:
      return "doubles";
    default:
      return "";
  }
}

[[noreturn]] void refuse_magic(const PackedFile& file, const char* what,
                               const std::array<std::uint8_t, 4>& word,
                               std::span<const std::uint32_t> magics) {
  const std::uint32_t magic = big_endian(word.data()), type = magic >> 8;
  const std::string elements = type_name(type);
  std::string why = other_kind({reinterpret_cast<const char*>(word.data()), word.size()});
  if (magic == (magics[0] ^ 2U)) {
    why = " (images and labels swapped?)";
  } else if (!elements.empty() && type != magics[0] >> 8) {
    why = fmt::format(": its elements are {}; write them as unsigned bytes, or give them as NPY",
                      elements);
  } else if (!elements.empty()) {
    why = fmt::format(": it has {} dimensions", magic & 255);
  }
  file.refuse("not an IDX file of {}: it begins with 0x{:08x} instead of 0x{:08x}{}", what, magic,
              magics[0], why);
}

}  // namespace

std::uint32_t big_endian(const std::uint8_t* b) {
  return std::uint32_t{b[0]} << 24 | std::uint32_t{b[1]} << 16 | std::uint32_t{b[2]} << 8 | b[3];
}

IdxArray read_idx_array(const char* op, const std::string& path, const char* what,
                        std::span<const std::uint32_t> magics) {
  PackedFile file(op, path);
  std::array<std::uint8_t, 4> word{};
  if (file.read(word.data(), 4) < 4) file.refuse("too short for an IDX file of {}", what);
  const std::uint32_t magic = big_endian(word.data());
  if (std::ranges::find(magics, magic) == magics.end()) refuse_magic(file, what, word, magics);
  IdxArray array;
  std::size_t size = magic >> 8 == 0x08 ? 1 : 4;  // of an element; int32 is the only other one
  for (std::uint32_t i = 0; i < (magic & 255); ++i) {
    if (file.read(word.data(), 4) < 4) file.refuse("it breaks off within its header");
    const std::size_t dim = big_endian(word.data());
    if (dim == 0) file.refuse("dimension {} is 0", i);
    if (size > static_cast<std::size_t>(std::numeric_limits<Index>::max()) / dim) {
      file.refuse("its dimensions multiply to more than any file can hold");
    }
    size *= dim;
    array.dims.push_back(static_cast<Index>(dim));
  }
  // In growing parts, so that a header gone wrong does not ask for all the memory of the machine.
  // One byte more is asked for together with the last part: only then does zlib look for the check
  // sum after it.
  std::vector<std::uint8_t>& bytes = array.bytes;
  while (bytes.size() < size + 1) {
    const std::size_t before = bytes.size();
    const std::size_t left = size + 1 - before;
    std::size_t part = std::min(left, std::max<std::size_t>(before, 1 << 16));
    if (left - part < 4096) part = left;
    bytes.resize(before + part);
    const std::size_t got = file.read(bytes.data() + before, part);
    if (before + got > size) {
      file.refuse("it goes on after the {} bytes of {} that its header promises", size, what);
    }
    if (got < part && before + got < size) {
      file.refuse("its header promises {} bytes of {}, and it has {}", size, what, before + got);
    }
  }
  bytes.resize(size);
  return array;
}

}  // namespace limbeck::detail
