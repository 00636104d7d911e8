// Readers on any bytes: each target is one, with what must hold whatever the bytes are.
//
// libFuzzer runs a target on bytes that it changes until they reach new code (main.cpp, `make
// fuzz`); the usual tests run it on what is in corpus/TARGET (corpus_test.cpp). A target may do two
// things only: end, or throw what is a finding. Error is neither: it is what a reader says of a
// file that it does not take, and is caught in the target.
//
// Mutation alone seldom gets past a length or a check sum that must agree. So the first byte of
// most inputs is a mode: the bytes as they are, or a file that the target builds of them with all
// that right.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/shape.h"
#include "core/tensor.h"

namespace limbeck::fuzz {

struct Target {
  std::string name;  // also of the folder in corpus/
  void (*run)(std::string_view bytes);
};

const std::vector<Target>& targets();
// Error: there is none of this name; it says which there are.
const Target& target_of(const std::string& name);

// What a target throws when something that must hold does not.
class Finding : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

inline void must(bool holds, const char* what) {
  if (!holds) throw Finding(what);
}

// Whether f ended; not if it threw an Error.
template <class F>
bool accepted(const F& f) {
  try {
    f();
  } catch (const Error&) {
    return false;
  }
  return true;
}

// Bytes as choices, one after the other, so that a change of one byte changes one choice. When none
// are left, all are 0.
class Choices {
 public:
  explicit Choices(std::string_view bytes) : rest_(bytes) {}

  std::uint8_t byte() {
    const std::uint8_t first =
        rest_.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(rest_[0]);
    rest_.remove_prefix(rest_.empty() ? 0 : 1);
    return first;
  }
  // From 0 to n − 1, at most 255.
  Index below(Index n) { return byte() % n; }
  template <class T, std::size_t n>
  const T& one_of(const T (&list)[n]) {
    return list[below(static_cast<Index>(n))];
  }
  // Up to the next zero byte, which is passed over.
  std::string text() {
    const std::string found(rest_.substr(0, rest_.find('\0')));
    rest_.remove_prefix(std::min(found.size() + 1, rest_.size()));
    return found;
  }
  // All that are left.
  std::string rest() {
    const std::string all(rest_);
    rest_ = {};
    return all;
  }

 private:
  std::string_view rest_;
};

// A file with these bytes in a folder of this process's own, in memory where the system has such
// folders (a target writes thousands of files a second).
std::string file_of(const std::string& name, std::string_view bytes);
std::string path_of(const std::string& name);

// A safetensors file: the header's length, the header, the data.
std::string safetensors_of(std::string_view header, std::string_view data);

// Of float's bits, so that a NaN is the same as itself.
bool same_elements(const Tensor& a, const Tensor& b);

// The targets.
void run_safetensors(std::string_view bytes);
void run_model(std::string_view bytes);
void run_npy(std::string_view bytes);
void run_checkpoint(std::string_view bytes);
void run_runs(std::string_view bytes);
void run_logs(std::string_view bytes);
void run_idx(std::string_view bytes);
void run_image(std::string_view bytes);
void run_prepare(std::string_view bytes);
void run_npz(std::string_view bytes);
void run_csv(std::string_view bytes);
void run_spec(std::string_view bytes);
void run_onnx(std::string_view bytes);

}  // namespace limbeck::fuzz
