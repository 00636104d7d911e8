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

// Element (i, j) of eight rows to (j, i): pairs, then quadruples, then halves change places.
inline void transpose(Vector (&v)[lanes]) {
  for (int i = 0; i < lanes; i += 2) {
    const Vector a = v[i], b = v[i + 1];
    v[i] = __builtin_shufflevector(a, b, 0, 8, 2, 10, 4, 12, 6, 14);
    v[i + 1] = __builtin_shufflevector(a, b, 1, 9, 3, 11, 5, 13, 7, 15);
  }
  for (const int i : {0, 1, 4, 5}) {
    const Vector a = v[i], b = v[i + 2];
    v[i] = __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13);
    v[i + 2] = __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
  }
  for (int i = 0; i < lanes / 2; ++i) {
    const Vector a = v[i], b = v[i + 4];
    v[i] = __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11);
    v[i + 4] = __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15);
  }
}

}  // namespace limbeck
