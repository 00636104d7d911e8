// Whether BLAS makes use of the processor that it runs on.
//
// OpenBLAS holds kernels for many processors and chooses when a program starts. What it does not
// know it takes for the oldest, without a word: version 0.3.21, of Debian 12, has Intel's Sapphire
// Rapids compute as a Prescott of 2004, five times as slowly as it can.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace limbeck {

// Whether kernels for the core of this name (openblas_get_corename(), "Prescott" say) leave AVX2
// unused where `features` (core/built_for.h) have it. (Those for AVX2 are enough for a processor
// with AVX-512: a quarter slower there, not several times.)
bool blas_falls_short(std::string_view core, std::uint64_t features);

// What is said of it, in one line; `own`: whether the library's own products serve instead, since
// it was built for such a processor.
std::string blas_complaint(std::string_view core, std::uint64_t features, bool own);

}  // namespace limbeck
