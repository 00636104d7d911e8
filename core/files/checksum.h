// Checksum: a few digits by which two sets of numbers are told apart, whether by accident other
// ones lie where the old ones lay. CRC-32, as zlib computes it.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "core/tensor.h"

namespace limbeck {

// Takes numbers in, part by part, and then says what they come to.
class Checksum {
 public:
  // The next numbers, as they lie in memory; of a tensor its elements.
  template <class T>
  void add(std::span<T> numbers) {
    add_bytes(numbers.data(), numbers.size_bytes());
  }
  void add(const Tensor& tensor) { add(tensor.values()); }

  std::string str() const;  // eight hexadecimal digits

 private:
  void add_bytes(const void* bytes, std::size_t size);

  unsigned long sum_ = 0;
};

}  // namespace limbeck
