// Storage: the memory behind a tensor, and the pool that recycles it.
//
// Training makes and drops the same few hundred buffers every step. Asking the system for them each
// time costs page faults that are dearer than the arithmetic of a small network, so a freed buffer
// goes to a pool and the next request of its size class takes it: a training step after the first
// asks the system for nothing, if the gradients are cleared before the forward pass.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "core/error.h"
#include "core/shape.h"

namespace limbeck {

namespace detail {

// So many bytes of the pool, not initialised, at the beginning of a cache line. They go back to it
// when this dies. Error: the system has no memory left; MemoryLimit::Exceeded.
class PoolMemory {
 public:
  PoolMemory() = default;
  explicit PoolMemory(std::size_t bytes);
  ~PoolMemory();
  PoolMemory(PoolMemory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), bytes_(other.bytes_) {}
  PoolMemory& operator=(PoolMemory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }

  void* data() const { return data_; }

 private:
  void* data_ = nullptr;
  std::size_t bytes_ = 0;  // of its size class
};

}  // namespace detail

// An aligned buffer of `size` reals, not initialised. It goes back to the pool when it dies.
//
// It also knows whether its elements are still those that an op saved for its gradient. Who surely
// changes them (an optimizer) says changed(). Who gets a pointer through which they may be changed
// says may_change(): if a graph saved them, their hash is kept, to be compared when the graph asks.
// A pointer that was taken before the op saved them is not noticed.
class Storage {
 public:
  explicit Storage(Index size);  // Error: the system has no memory left

  real* data() { return static_cast<real*>(memory_.data()); }

  // The elements are no longer those that an op may have saved.
  void changed() { version_.fetch_add(1, std::memory_order_relaxed); }
  // Somebody gets a pointer through which they can be changed.
  void may_change() {
    if (savers_.load(std::memory_order_relaxed) > 0) keep_hash();
  }

 private:
  friend class SavedElements;

  void keep_hash();
  std::uint64_t version();  // another one than before, if the elements are other ones

  std::size_t size_;
  detail::PoolMemory memory_;
  std::atomic<std::uint64_t> version_ = 0;
  std::atomic<std::uint64_t> saved_version_ = 0;  // the last that an op saved
  std::atomic<int> savers_ = 0;                   // ops that wait for their backward()
  std::atomic<bool> has_hash_ = false;
  std::size_t hash_ = 0;  // of the elements at version_
};

// What an op saved for its gradient: keeps the memory, and knows whether its elements have changed
// since.
class SavedElements {
 public:
  explicit SavedElements(std::shared_ptr<Storage> storage);
  ~SavedElements();
  SavedElements(SavedElements&&) = default;
  SavedElements& operator=(SavedElements&&) = delete;

  bool unchanged() const { return storage_->version() == version_; }
  const Storage* storage() const { return storage_.get(); }

 private:
  std::shared_ptr<Storage> storage_;  // null once moved from
  std::uint64_t version_;
};

// While one of these lives, tensors made in this thread may take so many bytes in all: for what is
// made by the word of a file. One more is an Error of the class Exceeded, before its memory is
// asked for. What is freed meanwhile is not counted back.
class MemoryLimit {
 public:
  class Exceeded : public Error {
    using Error::Error;
  };
  explicit MemoryLimit(std::size_t bytes);
  ~MemoryLimit();
  MemoryLimit(const MemoryLimit&) = delete;
  MemoryLimit& operator=(const MemoryLimit&) = delete;

 private:
  std::size_t before_;
};

// What the pool has done and holds.
struct PoolStats {
  std::size_t system_allocations;  // requests that the pool could not serve, since the start
  std::size_t bytes_in_use;        // held by living tensors
  std::size_t bytes_cached;        // free, waiting for the next request
};

// A snapshot of the pool. Safe from any thread, as all of the pool is.
PoolStats pool_stats();

// Whether freed buffers are kept. Not where AddressSanitizer watches (make test SAN=1): it could
// not tell who uses one after it was freed.
bool pool_keeps_memory();

// Gives all cached buffers back to the system, between two phases of different sizes, say.
void release_pool();

}  // namespace limbeck
