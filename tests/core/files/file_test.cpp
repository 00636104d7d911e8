// Files are written whole or not at all, whoever else writes them.
#include "core/files/file.h"

#include <sys/stat.h>

#include <atomic>
#include <thread>

#include "tests/data/idx_files.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

int files_in(const Folder& folder) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    count += static_cast<int>(entry.exists());
  }
  return count;
}

}  // namespace

TEST_CASE("of several writers of one file, one's bytes are there, whole, at any moment") {
  const Folder folder;
  const std::string file = folder.write("x", Bytes(50'000, 'a'));
  std::atomic<int> writing = 3;
  std::vector<std::thread> writers;
  for (const char letter : {'a', 'b', 'c'}) {
    writers.emplace_back([&file, &writing, letter] {
      for (int i = 0; i < 50; ++i) write_file("test", file, Bytes(50'000, letter));
      --writing;
    });
  }
  int read = 0, whole = 0;
  while (writing > 0) {
    const Bytes bytes = read_all(file);
    ++read;
    whole += bytes.size() == 50'000 && bytes == Bytes(50'000, bytes[0]);
  }
  for (std::thread& writer : writers) writer.join();
  CHECK(read > 0);
  CHECK(whole == read);
  CHECK(files_in(folder) == 1);
}

TEST_CASE("a link to a file is followed, also one that leads nowhere yet, and a loop is an error") {
  const Folder folder;
  std::filesystem::create_directory(folder.file("far"));
  std::filesystem::create_symlink("far/x", folder.file("link"));
  std::filesystem::create_symlink("link", folder.file("second"));
  write_file("test", folder.file("second"), "new");
  CHECK(read_all(folder.file("far/x")) == "new");
  CHECK(std::filesystem::is_symlink(folder.file("link")));
  std::filesystem::create_symlink("loop", folder.file("loop"));
  CHECK(contains(error_of([&] { write_file("test", folder.file("loop"), "new"); }),
                 "test: " + folder.file("loop") + ": cannot be written: Too many levels"));
}

TEST_CASE("a file keeps its mode, and trying to write leaves all as it was") {
  const Folder folder;
  const std::string file = folder.write("x", "old");
  chmod(file.c_str(), 0640);
  check_writable("test", file);
  check_writable("test", folder.file("absent"));
  CHECK(read_all(file) == "old");
  CHECK(files_in(folder) == 1);
  write_file("test", file, "new");
  struct stat status {};
  REQUIRE(stat(file.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0640);
  const std::string long_name(300, 'n');
  CHECK(contains(error_of([&] { check_writable("test", folder.file(long_name)); }), "too long"));
  const std::string longest(255, 'n');
  write_file("test", folder.file(longest), "new");
  CHECK(read_all(folder.file(longest)) == "new");
  CHECK(contains(error_of([&] { check_writable("test", folder.path() + "/no/x"); }),
                 "cannot be written: No such file"));
}

TEST_CASE("a folder is locked for others, not for the process itself") {
  const Folder folder;
  const FolderLock first("test", folder.path());
  const FolderLock second("test", folder.path() + "/.");
  CHECK(contains(error_of([&] { FolderLock("test", folder.path() + "/no"); }),
                 "cannot be opened: No such file"));
}
