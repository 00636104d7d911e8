// The abilities of x86-64 processors of which compilers make use beyond what all have.
//
// For each: X(macro, name, leaf, subleaf, register, bit, state). The compiler defines the macro
// where it may use the ability; the processor has it if that bit is set in that register after the
// instruction cpuid for leaf and subleaf, and the system keeps its registers if the bits `state`
// are set in XCR0. (Intel, "Software Developer's Manual", volume 2, CPUID; volume 1, 13.3.)
#pragma once

#include "core/built_for.h"

#define LIMBECK_X86_FEATURES(X)                                  \
  X(__SSE3__, "sse3", 1, 0, ecx, 0, 0)                           \
  X(__SSSE3__, "ssse3", 1, 0, ecx, 9, 0)                         \
  X(__SSE4_1__, "sse4.1", 1, 0, ecx, 19, 0)                      \
  X(__SSE4_2__, "sse4.2", 1, 0, ecx, 20, 0)                      \
  X(__POPCNT__, "popcnt", 1, 0, ecx, 23, 0)                      \
  X(__MOVBE__, "movbe", 1, 0, ecx, 22, 0)                        \
  X(__LZCNT__, "lzcnt", 0x80000001, 0, ecx, 5, 0)                \
  X(__BMI__, "bmi1", 7, 0, ebx, 3, 0)                            \
  X(__BMI2__, "bmi2", 7, 0, ebx, 8, 0)                           \
  X(__AVX__, "avx", 1, 0, ecx, 28, 0x6)                          \
  X(__F16C__, "f16c", 1, 0, ecx, 29, 0x6)                        \
  X(__FMA__, "fma", 1, 0, ecx, 12, 0x6)                          \
  X(__AVX2__, "avx2", 7, 0, ebx, 5, 0x6)                         \
  X(__AVXVNNI__, "avx-vnni", 7, 1, eax, 4, 0x6)                  \
  X(__AVX512F__, "avx512f", 7, 0, ebx, 16, 0xe6)                 \
  X(__AVX512BW__, "avx512bw", 7, 0, ebx, 30, 0xe6)               \
  X(__AVX512CD__, "avx512cd", 7, 0, ebx, 28, 0xe6)               \
  X(__AVX512DQ__, "avx512dq", 7, 0, ebx, 17, 0xe6)               \
  X(__AVX512VL__, "avx512vl", 7, 0, ebx, 31, 0xe6)               \
  X(__AVX512IFMA__, "avx512ifma", 7, 0, ebx, 21, 0xe6)           \
  X(__AVX512VBMI__, "avx512vbmi", 7, 0, ecx, 1, 0xe6)            \
  X(__AVX512VBMI2__, "avx512vbmi2", 7, 0, ecx, 6, 0xe6)          \
  X(__AVX512VNNI__, "avx512vnni", 7, 0, ecx, 11, 0xe6)           \
  X(__AVX512BITALG__, "avx512bitalg", 7, 0, ecx, 12, 0xe6)       \
  X(__AVX512VPOPCNTDQ__, "avx512vpopcntdq", 7, 0, ecx, 14, 0xe6) \
  X(__AVX512BF16__, "avx512bf16", 7, 1, eax, 5, 0xe6)            \
  X(__AVX512FP16__, "avx512fp16", 7, 0, edx, 23, 0xe6)

namespace limbeck::detail {

// Bit i stands for feature i of the list.
enum class Feature : unsigned {
#define LIMBECK_FEATURE(macro, ...) bit_of##macro,
  LIMBECK_X86_FEATURES(LIMBECK_FEATURE)
#undef LIMBECK_FEATURE
};

}  // namespace limbeck::detail
