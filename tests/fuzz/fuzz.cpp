#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

namespace limbeck::fuzz {
namespace {

class Scratch {
 public:
  Scratch() {
    std::error_code error;
    const std::filesystem::path memory = "/dev/shm";
    const bool in_memory = access(memory.c_str(), W_OK) == 0;
    const std::filesystem::path at =
        in_memory ? memory : std::filesystem::temp_directory_path(error);
    std::string name = (at / "limbeck-fuzz-XXXXXX").string();
    must(mkdtemp(name.data()) != nullptr, "a folder for files cannot be made");
    path_ = name;
  }
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  std::string path(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace

const std::vector<Target>& targets() {
  static const std::vector<Target> all = {{.name = "safetensors", .run = run_safetensors},
                                          {.name = "model", .run = run_model},
                                          {.name = "npy", .run = run_npy},
                                          {.name = "checkpoint", .run = run_checkpoint},
                                          {.name = "runs", .run = run_runs},
                                          {.name = "logs", .run = run_logs},
                                          {.name = "idx", .run = run_idx},
                                          {.name = "image", .run = run_image},
                                          {.name = "prepare", .run = run_prepare},
                                          {.name = "npz", .run = run_npz},
                                          {.name = "csv", .run = run_csv},
                                          {.name = "spec", .run = run_spec},
                                          {.name = "onnx", .run = run_onnx}};
  return all;
}

const Target& target_of(const std::string& name) {
  std::string names;
  for (const Target& target : targets()) {
    if (target.name == name) return target;
    names += (names.empty() ? "" : ", ") + target.name;
  }
  fail("fuzz", "there is no target {}; there are {}", name, names);
}

std::string path_of(const std::string& name) {
  static const Scratch scratch;
  return scratch.path(name);
}

std::string file_of(const std::string& name, std::string_view bytes) {
  std::string path = path_of(name);
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  const bool written =
      file >= 0 && write(file, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
  if (file >= 0) close(file);
  must(written, "a file for the reader cannot be written");
  return path;
}

std::string safetensors_of(std::string_view header, std::string_view data) {
  const std::uint64_t size = header.size();
  std::string bytes(sizeof(size), '\0');
  std::memcpy(bytes.data(), &size, sizeof(size));
  return bytes.append(header).append(data);
}

bool same_elements(const Tensor& a, const Tensor& b) {
  const auto same = [](real x, real y) { return std::memcmp(&x, &y, sizeof(x)) == 0; };
  return a.shape() == b.shape() && std::ranges::equal(a.values(), b.values(), same);
}

}  // namespace limbeck::fuzz
