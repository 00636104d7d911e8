#include "core/storage.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <limits>
#include <mutex>
#include <new>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/error.h"

namespace limbeck {
namespace {

constexpr std::align_val_t alignment{64};  // a cache line, and the widest vector register

#if defined(__SANITIZE_ADDRESS__)
#define LIMBECK_ADDRESS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LIMBECK_ADDRESS_SANITIZER
#endif
#endif
#ifdef LIMBECK_ADDRESS_SANITIZER
constexpr bool keeps = false;
#else
constexpr bool keeps = true;
#endif

// Sizes are rounded up to one of four steps between powers of two, so that nearly equal requests
// share buffers and at most a quarter of one is wasted.
std::size_t size_class(std::size_t bytes) {
  constexpr std::size_t smallest = 64;
  if (bytes <= smallest) return smallest;
  const std::size_t step = std::bit_floor(bytes - 1) / 4;
  const std::size_t unit = step < smallest ? smallest : step;
  return (bytes + unit - 1) / unit * unit;
}

class Pool {
 public:
  // The one pool of the process. Never destroyed: tensors with static lifetime may outlive any
  // order of destruction that we could choose.
  static Pool& instance() {
    static Pool* pool = new Pool;
    return *pool;
  }

  void* take(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    in_use_ += bytes;
    std::vector<void*>& free = free_[bytes];
    if (!free.empty()) {
      void* buffer = free.back();
      free.pop_back();
      cached_ -= bytes;
      return buffer;
    }
    ++system_allocations_;
    void* buffer = ::operator new(bytes, alignment, std::nothrow);
    if (buffer == nullptr) {  // what lies in other size classes may be all that is missing
      release_locked();
      buffer = ::operator new(bytes, alignment, std::nothrow);
    }
    if (buffer == nullptr) {
      in_use_ -= bytes;
      fail("Storage", "no memory for {} bytes; {} bytes are held by living tensors", bytes,
           in_use_);
    }
    return buffer;
  }

  // Called by destructors, so it does not throw: a buffer that cannot be kept is freed.
  void give_back(void* buffer, std::size_t bytes) noexcept {
    const std::lock_guard lock(mutex_);
    in_use_ -= bytes;
    if (keeps) {
      try {
        free_[bytes].push_back(buffer);
        cached_ += bytes;
        return;
      } catch (const std::bad_alloc&) {
      }
    }
    ::operator delete(buffer, alignment);
  }

  void release() {
    const std::lock_guard lock(mutex_);
    release_locked();
  }

  PoolStats stats() {
    const std::lock_guard lock(mutex_);
    return {system_allocations_, in_use_, cached_};
  }

 private:
  void release_locked() {
    for (auto& [bytes, buffers] : free_) {
      for (void* buffer : buffers) ::operator delete(buffer, alignment);
      buffers.clear();
    }
    cached_ = 0;
  }

  std::mutex mutex_;
  std::unordered_map<std::size_t, std::vector<void*>> free_;  // by size class, in bytes
  std::size_t system_allocations_ = 0;
  std::size_t in_use_ = 0;
  std::size_t cached_ = 0;
};

std::size_t hash_of(const real* data, std::size_t size) {
  return std::hash<std::string_view>{}({reinterpret_cast<const char*>(data), size * sizeof(real)});
}

thread_local std::size_t bytes_allowed = std::numeric_limits<std::size_t>::max();

std::mutex hash_mutex;  // of every storage's hash, which few ever have

}  // namespace

detail::PoolMemory::PoolMemory(std::size_t bytes) : bytes_(size_class(bytes)) {
  if (bytes_ > bytes_allowed) {
    throw MemoryLimit::Exceeded("Storage", fmt::format("{} bytes asked, and {} are left to what is "
                                                       "being made",
                                                       bytes_, bytes_allowed));
  }
  data_ = Pool::instance().take(bytes_);
  if (bytes_allowed != std::numeric_limits<std::size_t>::max()) bytes_allowed -= bytes_;
}

detail::PoolMemory::~PoolMemory() {
  if (data_ != nullptr) Pool::instance().give_back(data_, bytes_);
}

Storage::Storage(Index size)
    : size_(static_cast<std::size_t>(size)), memory_(size_ * sizeof(real)) {}

void Storage::keep_hash() {
  if (version_ != saved_version_) return;  // no op has saved the elements as they are now
  const std::lock_guard lock(hash_mutex);
  if (has_hash_) return;
  hash_ = hash_of(data(), size_);
  has_hash_ = true;
}

// The hash stays where it is the same: the pointer may still be used.
std::uint64_t Storage::version() {
  if (has_hash_) {
    const std::lock_guard lock(hash_mutex);
    if (hash_ != hash_of(data(), size_)) {
      has_hash_ = false;
      changed();
    }
  }
  return version_;
}

SavedElements::SavedElements(std::shared_ptr<Storage> storage)
    : storage_(std::move(storage)), version_(storage_->version()) {
  storage_->saved_version_ = version_;
  ++storage_->savers_;
}

SavedElements::~SavedElements() {
  if (storage_ != nullptr && --storage_->savers_ == 0) storage_->has_hash_ = false;
}

MemoryLimit::MemoryLimit(std::size_t bytes)
    : before_(std::exchange(bytes_allowed, std::min(bytes, bytes_allowed))) {}

MemoryLimit::~MemoryLimit() {
  bytes_allowed = before_;
}

PoolStats pool_stats() {
  return Pool::instance().stats();
}

bool pool_keeps_memory() {
  return keeps;
}

void release_pool() {
  Pool::instance().release();
}

}  // namespace limbeck
