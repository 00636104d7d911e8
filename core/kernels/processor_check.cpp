// Compiled for every processor (the Makefile sees to it), whatever the rest is compiled for, and
// calls nothing that the rest has: a function of a header, std::string's say, would be one for all.
#include <unistd.h>
#include <cstdio>

#include "core/kernels/processor_features.h"

#ifdef __x86_64__
#include <cpuid.h>
#endif

namespace limbeck::detail {
namespace {

const char* const names[] = {
#define LIMBECK_FEATURE(macro, name, ...) name,
    LIMBECK_X86_FEATURES(LIMBECK_FEATURE)
#undef LIMBECK_FEATURE
};

constexpr std::uint64_t bit(Feature feature) {
  return std::uint64_t{1} << static_cast<unsigned>(feature);
}

// The levels of x86-64, as compilers' -march=x86-64-v2 and so on define them (the psABI, 3.1.1).
constexpr std::uint64_t v2 = bit(Feature::bit_of__SSE3__) | bit(Feature::bit_of__SSSE3__) |
                             bit(Feature::bit_of__SSE4_1__) | bit(Feature::bit_of__SSE4_2__) |
                             bit(Feature::bit_of__POPCNT__);
constexpr std::uint64_t v3 = v2 | bit(Feature::bit_of__MOVBE__) | bit(Feature::bit_of__LZCNT__) |
                             bit(Feature::bit_of__BMI__) | bit(Feature::bit_of__BMI2__) |
                             bit(Feature::bit_of__AVX__) | bit(Feature::bit_of__F16C__) |
                             bit(Feature::bit_of__FMA__) | bit(Feature::bit_of__AVX2__);

void append(char* text, unsigned long size, const char* more) {
  unsigned long end = 0;
  while (end < size && text[end] != 0) ++end;
  if (end < size) std::snprintf(text + end, size - end, "%s", more);
}

}  // namespace

std::uint64_t processor_features() {
  std::uint64_t found = 0;
#ifdef __x86_64__
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  std::uint64_t saved = 0;  // which registers the system saves: XCR0
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & (1U << 27)) != 0) {
    unsigned low = 0, high = 0;
    asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    saved = low;
  }
#define LIMBECK_FEATURE(macro, name, leaf, subleaf, reg, position, state) \
  if (__get_cpuid_count(leaf, subleaf, &eax, &ebx, &ecx, &edx) != 0 &&    \
      (reg & (1U << position)) != 0 && (saved & state) == state) {        \
    found |= bit(Feature::bit_of##macro);                                 \
  }
  LIMBECK_X86_FEATURES(LIMBECK_FEATURE)
#undef LIMBECK_FEATURE
#endif
  return found;
}

bool explain_missing(std::uint64_t built, std::uint64_t present, char* text, unsigned long size) {
  if (size > 0) text[0] = 0;
  const std::uint64_t missing = built & ~present;
  if (missing == 0) return false;
  append(text, size, "limbeck: this build is for processors that have");
  for (unsigned i = 0; i < sizeof names / sizeof names[0]; ++i) {
    if ((missing >> i & 1) == 0) continue;
    append(text, size, " ");
    append(text, size, names[i]);
  }
  append(text, size,
         ", and this one has not. Build it on this machine (make clean, make), or for "
         "all processors like this one: make ");
  append(text, size,
         (v3 & ~present) == 0   ? "LEVEL=v3\n"
         : (v2 & ~present) == 0 ? "LEVEL=v2\n"
                                : "OPT=-O3\n");
  return true;
}

namespace {

// Before everything else in the library or in the program, which would die of an illegal
// instruction, and without a word.
[[gnu::constructor(101)]] void check_processor() {
  char text[1024];
  if (!explain_missing(built_for, processor_features(), text, sizeof text)) return;
  unsigned long size = 0;
  while (text[size] != 0) ++size;
  if (write(STDERR_FILENO, text, size) < 0) _exit(1);
  _exit(1);
}

}  // namespace
}  // namespace limbeck::detail
