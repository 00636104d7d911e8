#include "core/files/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

namespace limbeck {
namespace {

// A file descriptor that is closed at the end of its scope.
class Descriptor {
 public:
  Descriptor(const std::string& path, int flags) : fd_(open(path.c_str(), flags, 0666)) {}
  ~Descriptor() { close_now(); }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;

  operator int() const { return fd_; }
  bool close_now() { return fd_ < 0 || close(std::exchange(fd_, -1)) == 0; }

 private:
  int fd_;
};

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

// Where a file is to be written: the path with symbolic links followed, and what is there now.
class Target {
 public:
  Target(const char* op, const std::string& path) : op_(op), given_(path), path_(path) {
    constexpr int most_links = 40;  // as Linux has it
    std::error_code error;
    for (int links = 0; std::filesystem::is_symlink(std::filesystem::symlink_status(path_, error));
         ++links) {
      if (links == most_links) refuse(ELOOP);
      const std::filesystem::path to = std::filesystem::read_symlink(path_, error);
      if (error) refuse(error.value());
      path_ = (std::filesystem::path(path_).parent_path() / to).string();
    }
    exists_ = stat(path_.c_str(), &status_) == 0;
    if (!exists_ && errno != ENOENT) refuse(errno);
    if (exists_ && S_ISDIR(status_.st_mode)) refuse(EISDIR);
    if (exists_) check(access(path_.c_str(), W_OK) == 0);
  }

  const std::string& path() const { return path_; }
  std::string folder() const {
    const std::string folder = std::filesystem::path(path_).parent_path();
    return folder.empty() ? "." : folder;
  }
  // A device or a pipe, into which one writes; it is not replaced.
  bool is_stream() const { return exists_ && !S_ISREG(status_.st_mode); }
  // The mode that the file has, if there is one.
  std::optional<mode_t> mode() const {
    return exists_ ? std::optional<mode_t>(status_.st_mode & 07777) : std::nullopt;
  }

  void check(bool done) const {
    if (!done) refuse(errno);
  }
  [[noreturn]] void refuse(int error) const {
    fail(op_, "{}: cannot be written: {}", given_, std::strerror(error));
  }

 private:
  const char* op_;
  std::string given_, path_;
  bool exists_ = false;
  struct stat status_ {};
};

// A new file beside the target, of a name that nobody else has. It goes with its scope, unless it
// has taken the target's place.
class Temporary {
 public:
  explicit Temporary(const Target& target) : path_(name_in(target.folder())), file_(make(target)) {
    if (target.mode()) target.check(fchmod(file_, *target.mode()) == 0);
  }
  ~Temporary() {
    if (!path_.empty()) unlink(path_.c_str());
  }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;

  const Descriptor& file() const { return file_; }

  void take_place_of(const Target& target) {
    target.check(fsync(file_) == 0);
    target.check(file_.close_now());
    target.check(std::rename(path_.c_str(), target.path().c_str()) == 0);
    path_.clear();
    // The new name itself is safe only when the folder is. Some file systems cannot sync folders.
    const Descriptor folder(target.folder(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0) static_cast<void>(fsync(folder));
  }

 private:
  // ".limbeck-4711-3": short, since the target's own name may be as long as names can be.
  static std::string name_in(const std::string& folder) {
    static std::atomic<unsigned> count{0};
    return fmt::format("{}/.limbeck-{}-{}", folder, getpid(), count++);
  }
  // Opened exclusively: a file or link of that name, left by a process of the same number, is not
  // written through; the next name then.
  Descriptor make(const Target& target) {
    for (int tries = 0; tries < 100; ++tries) {
      Descriptor file(path_, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC);
      if (file >= 0) return file;
      if (errno != EEXIST) break;
      path_ = name_in(target.folder());
    }
    const int error = errno;
    path_.clear();
    target.refuse(error);
  }

  std::string path_;
  Descriptor file_;
};

std::mutex locks_mutex;
std::map<std::pair<dev_t, ino_t>, std::weak_ptr<Descriptor>> locks;  // that this process holds

}  // namespace

void write_file(const char* op, const std::string& path, std::string_view bytes) {
  const Target target(op, path);
  if (target.is_stream()) {
    Descriptor stream(target.path(), O_WRONLY | O_CLOEXEC);
    target.check(stream >= 0 && write_all(stream, bytes) && stream.close_now());
    return;
  }
  Temporary temporary(target);
  target.check(write_all(temporary.file(), bytes));
  temporary.take_place_of(target);
}

void check_writable(const char* op, const std::string& path) {
  const Target target(op, path);
  if (!target.is_stream()) Temporary temporary(target);
}

FolderLock::FolderLock(const char* op, const std::string& folder) {
  Descriptor directory(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  struct stat status {};
  if (directory < 0 || fstat(directory, &status) != 0) {
    fail(op, "{}: cannot be opened: {}", folder, std::strerror(errno));
  }
  const std::lock_guard guard(locks_mutex);
  std::weak_ptr<Descriptor>& known = locks[{status.st_dev, status.st_ino}];
  if (auto mine = known.lock()) {
    lock_ = mine;  // this process has it already
    return;
  }
  if (flock(directory, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    fail(op, "{} is in use by another run; wait for its end, or name another folder", folder);
  }
  const auto mine = std::make_shared<Descriptor>(std::move(directory));
  known = mine;
  lock_ = mine;
}

FileReader::FileReader(const char* op, const std::string& path) : op_(op), path_(path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status) &&
      !std::filesystem::is_directory(status)) {
    refuse("it is a pipe or a device: its size must be known, so put what it gives into a file");
  }
  left_ = std::filesystem::file_size(path, error);
  if (error) refuse("cannot be opened: {}", error.message());
  file_.reset(std::fopen(path.c_str(), "rb"));
  if (!file_) refuse("cannot be opened: {}", std::strerror(errno));
}

FileReader::FileReader(const char* op, const std::string& name, std::string_view bytes)
    : op_(op), path_(name), left_(bytes.size()) {
  // (Only read from, so that the bytes stay as they are. Of no bytes nothing is ever asked.)
  if (bytes.empty()) return;
  file_.reset(fmemopen(const_cast<char*>(bytes.data()), bytes.size(), "rb"));
  if (!file_) refuse("cannot be opened: {}", std::strerror(errno));
}

Shape FileReader::shape_of(std::span<const Index> dims) const {
  if (dims.size() > Shape::max_rank) {
    refuse("it has {} dimensions; a tensor has at most {}", dims.size(), Shape::max_rank);
  }
  // Dimensions of 0 count as 1 here: the sizes of parts of the shape must not overflow either.
  Index size = sizeof(double);
  for (const Index dim : dims) {
    if (std::max<Index>(dim, 1) > std::numeric_limits<Index>::max() / size) {
      refuse("its dimensions multiply to more than any file can hold");
    }
    size *= std::max<Index>(dim, 1);
  }
  Shape shape;
  for (std::size_t i = dims.size(); i > 0; --i) shape = shape.with_front(dims[i - 1]);
  return shape;
}

std::string FileReader::read_text(std::size_t size) {
  if (size > left_) refuse("it breaks off within its header");
  std::string text(size, '\0');
  read_bytes(text.data(), size);
  return text;
}

void FileReader::skip(std::uintmax_t size) {
  if (size > left_) refuse("it breaks off within its header");
  if (fseeko(file_.get(), static_cast<off_t>(size), SEEK_CUR) != 0) {
    refuse("it cannot be read to its end");
  }
  left_ -= size;
}

void FileReader::read_bytes(void* to, std::size_t size) {
  if (size > 0 && std::fread(to, 1, size, file_.get()) != size) {
    refuse("it cannot be read to its end");
  }
  left_ -= size;
}

}  // namespace limbeck
