// Vectors: eight reals in one register, by the compilers' vector extension (g++ and clang++).
//
// Most loops here are left to the compiler, which vectorises what is simple. A kernel whose blocks
// must stay in registers says so with this type.
#pragma once

#include <cstring>

#include "core/shape.h"

namespace limbeck {

inline constexpr Index lanes = 8;
using Vector = real __attribute__((vector_size(lanes * sizeof(real))));

inline Vector load(const real* p) {
  Vector v;
  std::memcpy(&v, p, sizeof v);  // one instruction, at any address
  return v;
}

inline void store(real* p, Vector v) {
  std::memcpy(p, &v, sizeof v);
}

inline Vector splat(real x) {
  return Vector{x, x, x, x, x, x, x, x};
}

// n, or the next multiple of `lanes` above it.
constexpr Index whole_vectors(Index n) {
  return (n + lanes - 1) / lanes * lanes;
}

}  // namespace limbeck
