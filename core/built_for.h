// For which processor the library was compiled, and whether this one is such: core/kernels/ looks,
// and says so before anything else runs.
#pragma once

#include <cstdint>

namespace limbeck::detail {

// What the library was compiled for: a bit for each feature (core/kernels/processor_features.h).
extern const std::uint64_t built_for;

// What this processor and its system have. Of plain C, as the next, since both run on processors
// that the rest of the library may not run on.
std::uint64_t processor_features();

// Writes a sentence into `text`, of `size` bytes, that says which of the features `built` a
// processor with those of `present` lacks, and what to do. False, and "": it lacks none.
bool explain_missing(std::uint64_t built, std::uint64_t present, char* text, unsigned long size);

}  // namespace limbeck::detail
