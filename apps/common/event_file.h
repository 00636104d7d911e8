// Event files, in which TensorBoard looks for curves.
//
// A file DIR/events.out.tfevents.SECONDS.HOST is a sequence of records (TensorFlow's TFRecord):
//   uint64 length · uint32 masked CRC of those 8 bytes · the bytes · uint32 masked CRC of the bytes
// all least significant byte first, the CRC being crc32c() below and
//   masked(c) = ((c >> 15) | (c << 17)) + 0xa282ead8   (mod 2³²)
// The first record says "brain.Event:2", each other one has the scalars of a step. Both are
// protocol buffers (tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto):
//   Event   { 1: wall_time double, 2: step int64, 3: file_version string, 5: Summary }
//   Summary { 1, repeated: Value { 1: tag string, 2: simple_value float } }
// DIR is what TensorBoard calls a run; it shows all those below the folder that it is given.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/shape.h"

namespace limbeck {

// CRC-32C (Castagnoli; RFC 3720, appendix B.4): the polynomial 0x1EDC6F41, bits reflected, inverted
// before and after.
std::uint32_t crc32c(std::string_view bytes);

// A number of a step: what TensorBoard calls it, and its value.
struct Scalar {
  std::string tag;
  double value;
};

class EventFile {
 public:
  // The event file of this folder, which is made if need be. At `last_step` = 0 it is a new one and
  // takes the place of those that are there. Else it is the one that is there, without what follows
  // that step and without a last record that was broken off; or a new one.
  // Error, with the path: it cannot be written or read.
  EventFile(const std::string& folder, Index last_step);

  // Adds a step's scalars, with the time of the call, and lets others see them at once. Error: it
  // cannot be written.
  void add(Index step, std::span<const Scalar> scalars);

 private:
  std::string path_;
};

}  // namespace limbeck
