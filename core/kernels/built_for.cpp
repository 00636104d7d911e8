// A constant, and no code: read where the processor may not be what the library was compiled for.
#include "core/kernels/processor_features.h"

namespace limbeck::detail {

// A macro that is defined as 1 is "1" here, one that is not defined is its own name.
#define LIMBECK_TEXT(words) #words
#define LIMBECK_FEATURE(macro, ...)                                          \
  | (std::uint64_t{LIMBECK_TEXT(macro)[0] == '1' && !LIMBECK_TEXT(macro)[1]} \
     << static_cast<unsigned>(Feature::bit_of##macro))
const std::uint64_t built_for = 0 LIMBECK_X86_FEATURES(LIMBECK_FEATURE);

}  // namespace limbeck::detail
