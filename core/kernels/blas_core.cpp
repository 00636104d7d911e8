#include "core/kernels/blas_core.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "core/error.h"
#include "core/kernels/processor_features.h"

namespace limbeck {
namespace {

using detail::Feature;

bool has(std::uint64_t features, Feature feature) {
  return (features >> static_cast<unsigned>(feature) & 1) != 0;
}

}  // namespace

bool blas_falls_short(std::string_view core, std::uint64_t features) {
  if (!has(features, Feature::bit_of__AVX2__) || !has(features, Feature::bit_of__FMA__)) {
    return false;
  }
  // Those of OpenBLAS 0.3 that are older than AVX2, or do without it.
  constexpr std::array<std::string_view, 21> old = {
      "unknown",     "generic", "katmai",    "coppermine",   "northwood",  "prescott",
      "banias",      "core2",   "atom",      "penryn",       "dunnington", "nehalem",
      "sandybridge", "athlon",  "opteron",   "opteron_sse3", "barcelona",  "bobcat",
      "bulldozer",   "nano",    "piledriver"};
  std::string name(core);
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
  return std::ranges::find(old, name) != old.end();
}

std::string blas_complaint(std::string_view core, std::uint64_t features, bool own) {
  return fmt::format(
      "limbeck: OpenBLAS takes this processor for a {}, and would compute products several "
      "times as slowly as it can{}. A newer OpenBLAS may know it, or say what it is: "
      "OPENBLAS_CORETYPE={}\n",
      core,
      own ? "; the library's own are used, about as fast as OpenBLAS's for the processor"
          : "; so it does, for the library was not built for this processor",
      has(features, Feature::bit_of__AVX512F__) ? "SKYLAKEX" : "HASWELL");
}

}  // namespace limbeck
