// Storage: the memory behind a tensor, and the pool that recycles it.
//
// Training makes and drops the same few hundred buffers every step. Asking the system for them each
// time costs page faults that are dearer than the arithmetic of a small network, so a freed buffer
// goes to a pool and the next request of its size class takes it: a training step after the first
// asks the system for nothing, if the gradients are cleared before the forward pass.
#pragma once

#include <cstddef>

#include "core/shape.h"

namespace limbeck {

// An aligned buffer of `size` reals, not initialised. It goes back to the pool when it dies.
class Storage {
 public:
  explicit Storage(Index size);  // Error: the system has no memory left
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  real* data() { return data_; }

 private:
  real* data_;
  std::size_t bytes_;
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
