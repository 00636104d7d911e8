// The members of a zip archive, as which numpy.savez writes its arrays.
//
// The end of an archive tells where its list of members is, and the list where each of them lies,
// how it is packed and its check sum. Source: PKWARE, APPNOTE.TXT, sections 4.3 to 4.4.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace limbeck::detail {

// An entry of the list.
struct ZipMember {
  std::string name;
  std::uint32_t flags, method;  // 0: stored; 8: deflated
  std::uint32_t crc;
  std::size_t packed, size;  // bytes in the archive, and unpacked
  std::size_t at;            // where its own head begins
};

// An archive in memory; the bytes must outlive it. All errors are in the name of `op`, with that of
// the file.
class ZipFile {
 public:
  // Error: the bytes are no zip archive, cut off, of several disks, or of 4 GB and more.
  ZipFile(const char* op, const std::string& name, std::string_view bytes);

  const std::vector<ZipMember>& members() const { return members_; }
  // Its bytes. Error: it is encrypted, packed by another method, cut off or broken, or says that it
  // has more than its packed bytes can hold, 1,032 times as many.
  std::string read(const ZipMember& member) const;

 private:
  [[noreturn]] void refuse(const std::string& message) const;
  // A number of 2 or 4 bytes, least significant first. Error: it is not there.
  std::uint32_t number(std::size_t at, std::size_t bytes) const;

  const char* op_;
  std::string name_;
  std::string_view bytes_;
  std::vector<ZipMember> members_;
};

}  // namespace limbeck::detail
