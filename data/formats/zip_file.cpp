#include "data/formats/zip_file.h"

#include <zlib.h>

#include <memory>

#include "core/error.h"
#include "data/formats/packed_file.h"

namespace limbeck::detail {
namespace {

constexpr std::string_view end_mark = "PK\5\6", entry_mark = "PK\1\2", head_mark = "PK\3\4";
constexpr std::size_t end_size = 22, entry_size = 46, head_size = 30;

// Unpacks raw deflate data into all of `to`. False: they are broken, or of another size.
bool inflate_into(std::string_view packed, std::string& to) {
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return false;
  const std::unique_ptr<z_stream, decltype(&inflateEnd)> ended(&stream, &inflateEnd);
  // (Both below 4 GB, which an unsigned int can tell. zlib only reads what next_in points to.)
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(to.data());
  stream.avail_out = static_cast<uInt>(to.size());
  return inflate(&stream, Z_FINISH) == Z_STREAM_END && stream.avail_out == 0 &&
         stream.avail_in == 0;
}

std::uint32_t crc_of(std::string_view bytes) {
  return static_cast<std::uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

}  // namespace

void ZipFile::refuse(const std::string& message) const {
  fail(op_, "{}: {}", name_, message);
}

std::uint32_t ZipFile::number(std::size_t at, std::size_t bytes) const {
  if (at > bytes_.size() || bytes > bytes_.size() - at) refuse("it breaks off");
  std::uint32_t value = 0;
  for (std::size_t i = bytes; i > 0; --i) {
    value = value << 8 | static_cast<std::uint8_t>(bytes_[at + i - 1]);
  }
  return value;
}

ZipFile::ZipFile(const char* op, const std::string& name, std::string_view bytes)
    : op_(op), name_(name), bytes_(bytes) {
  if (!bytes.starts_with("PK")) {
    refuse("it is not a zip archive, as numpy.savez writes them" +
           other_kind(bytes.substr(0, 512)));
  }
  // Behind the last mark only a remark of at most 65,535 bytes follows.
  const std::size_t end = bytes.rfind(end_mark);
  if (end == std::string_view::npos || bytes.size() - end < end_size) {
    refuse("it breaks off: the list of its members, at the end of a zip archive, is missing");
  }
  if (number(end + 4, 2) != 0 || number(end + 6, 2) != 0) refuse("it is a part of several");
  const std::uint32_t count = number(end + 10, 2);
  std::size_t at = number(end + 16, 4);
  if (at == 0xFFFFFFFF) refuse("archives of 2 GB and more are not read: save it in parts");
  for (std::uint32_t i = 0; i < count; ++i) {
    if (at > bytes.size() || !bytes.substr(at).starts_with(entry_mark)) {
      refuse("the list of its members is broken");
    }
    const std::size_t length = number(at + 28, 2);
    ZipMember member{.name = "",
                     .flags = number(at + 8, 2),
                     .method = number(at + 10, 2),
                     .crc = number(at + 16, 4),
                     .packed = number(at + 20, 4),
                     .size = number(at + 24, 4),
                     .at = number(at + 42, 4)};
    number(at + entry_size, length == 0 ? 0 : 1);
    member.name = bytes.substr(at + entry_size, length);
    // Python writes so from 2 GB on; the numbers themselves are elsewhere then.
    if (member.size == 0xFFFFFFFF || member.packed == 0xFFFFFFFF || member.at == 0xFFFFFFFF) {
      refuse(fmt::format("its member {} has, or lies behind, 2 GB and more: save it in parts",
                         member.name));
    }
    members_.push_back(std::move(member));
    at += entry_size + length + number(at + 30, 2) + number(at + 32, 2);
  }
}

std::string ZipFile::read(const ZipMember& member) const {
  const auto complain = [&](const std::string& what) {
    refuse(fmt::format("its member {} {}", member.name, what));
  };
  if ((member.flags & 1) != 0) complain("is encrypted");
  if (member.method != 0 && member.method != 8) {
    complain(fmt::format("is packed by method {}; 0 and 8, stored and deflated, are read",
                         member.method));
  }
  if (member.at > bytes_.size() || !bytes_.substr(member.at).starts_with(head_mark)) {
    complain("is not where the list says");
  }
  const std::size_t at =
      member.at + head_size + number(member.at + 26, 2) + number(member.at + 28, 2);
  if (at > bytes_.size() || member.packed > bytes_.size() - at) complain("breaks off");
  const std::string_view packed = bytes_.substr(at, member.packed);
  constexpr std::size_t most_packed = 1032;  // times, as deflate does
  std::string unpacked;
  if (member.method == 0) {
    if (member.size != member.packed) complain("is stored in another size than its own");
    unpacked = packed;
  } else {
    if (member.size > most_packed * (member.packed + 1)) {
      complain(fmt::format("says that its {} bytes are {} unpacked, which cannot be", member.packed,
                           member.size));
    }
    unpacked.resize(member.size);
    if (!inflate_into(packed, unpacked)) complain("is broken, or of another size than it says");
  }
  if (crc_of(unpacked) != member.crc) complain("is broken: its check sum is another");
  return unpacked;
}

}  // namespace limbeck::detail
