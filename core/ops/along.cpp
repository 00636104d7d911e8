#include "core/ops/along.h"

#include "core/error.h"

namespace limbeck::detail {

Along along(const char* op, const Shape& shape, int dim) {
  const int rank = shape.rank();
  if (rank == 0) fail(op, "a scalar has no dimension {}", dim);
  if (dim < -rank || dim >= rank) {
    fail(op, "there is no dimension {} in {}: they are 0 to {}, or -{} to -1 from the end", dim,
         shape, rank - 1, rank);
  }
  Along a{.dim = dim < 0 ? dim + rank : dim, .size = shape.dim(dim)};
  for (int i = 0; i < a.dim; ++i) a.outer *= shape.dim(i);
  for (int i = a.dim + 1; i < rank; ++i) a.inner *= shape.dim(i);
  return a;
}

}  // namespace limbeck::detail
